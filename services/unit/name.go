package unit

import (
	"fmt"
	"path"
	"strings"
)

// CheckName says why a name cannot be a unit's. Units of kinds that ClarityOS
// does not run yet have valid names all the same.
func CheckName(name string) error {
	base, kind := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	switch kind {
	case ".service", ".target", ".socket", ".timer", ".mount", ".path", ".slice", ".scope", ".device", ".automount", ".swap":
	default:
		return fmt.Errorf("unit name %q does not end in a kind such as .service or .target", name)
	}
	if base == "" || len(name) > 255 {
		return fmt.Errorf("unit name %q is empty or longer than 255 bytes", name)
	}
	for _, c := range base {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@", c) {
			return fmt.Errorf("unit name %q holds the character %q", name, c)
		}
	}
	return nil
}

// IsTemplate says whether name is that of a template, such as getty@.service.
func IsTemplate(name string) bool { return strings.Contains(name, "@.") }

// TemplateOf gives the template that an instance is made from: getty@.service
// for getty@tty1.service; "" for any other name.
func TemplateOf(name string) string {
	prefix, rest, ok := strings.Cut(name, "@")
	if !ok || strings.HasPrefix(rest, ".") {
		return ""
	}
	return prefix + "@" + path.Ext(name)
}

// unescape undoes systemd-escape(1): "-" is a slash, "\xNN" a byte.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case strings.HasPrefix(s[i:], `\x`):
			text, n, err := escape(s[i:])
			if err != nil {
				b.WriteByte(s[i])
				continue
			}
			b.WriteString(text)
			i += n - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
