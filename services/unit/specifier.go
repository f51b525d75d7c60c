package unit

import (
	"fmt"
	"path"
	"strings"
)

// Context is what the specifiers of a unit's values stand for.
type Context struct {
	Name   string          // of the unit
	Path   string          // of its file
	Values map[byte]string // what the root or the machine says, by the specifier's letter
}

// Machine lists the specifiers that only the running machine knows. Where its
// values are not there yet, Expand leaves a mark (see Late) for whoever runs
// the command.
const Machine = "abHlmqv"

// Late is in front of the letter of a specifier that Expand has left.
const Late = '\x01'

// fixed are the folders and names that are the same on every system.
var fixed = map[byte]string{
	'%': "%", 't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'D': "/usr/share",
	'T': "/tmp", 'V': "/var/tmp", 'h': "/root", 's': "/bin/sh", 'u': "root", 'U': "0", 'g': "root", 'G': "0",
}

// Expand replaces the specifiers of systemd.unit(5) in a value. late says that
// those of Machine may be left as marks; otherwise one without a value is an
// error.
func (c Context) Expand(value string, late bool) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b.WriteByte(value[i])
			continue
		}
		if i++; i == len(value) {
			return "", fmt.Errorf("a single %% at the end of %q; write %%%% for the character", value)
		}
		text, known := c.specifier(value[i])
		switch {
		case known:
			b.WriteString(text)
		case late && strings.IndexByte(Machine, value[i]) >= 0:
			b.WriteByte(Late)
			b.WriteByte(value[i])
		case strings.IndexByte(Machine, value[i]) >= 0:
			return "", fmt.Errorf("only the running machine knows what %%%c in %q stands for; commands and Environment= may have it", value[i], value)
		default:
			return "", fmt.Errorf("specifier %%%c in %q is not supported", value[i], value)
		}
	}
	return b.String(), nil
}

func (c Context) specifier(letter byte) (string, bool) {
	base := strings.TrimSuffix(c.Name, path.Ext(c.Name))
	prefix, instance, _ := strings.Cut(base, "@")
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	switch letter {
	case 'n':
		return c.Name, true
	case 'N':
		return base, true
	case 'p':
		return prefix, true
	case 'P':
		return unescape(prefix), true
	case 'i':
		return instance, true
	case 'I':
		return unescape(instance), true
	case 'j':
		return last, true
	case 'J':
		return unescape(last), true
	case 'f':
		if instance == "" {
			return "/" + strings.TrimPrefix(unescape(prefix), "/"), true
		}
		return "/" + strings.TrimPrefix(unescape(instance), "/"), true
	case 'y':
		return c.Path, true
	case 'Y':
		return path.Dir(c.Path), true
	case 'd':
		return "/run/credentials/" + c.Name, true
	}
	if text, ok := fixed[letter]; ok {
		return text, true
	}
	text, ok := c.Values[letter]
	return text, ok
}
