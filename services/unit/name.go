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

// Expand replaces the specifiers of systemd.unit(5) in a value of the unit
// called name. Those that only the running machine knows are an error.
func Expand(value, name string) (string, error) {
	if !strings.Contains(value, "%") {
		return value, nil
	}
	base := strings.TrimSuffix(name, path.Ext(name))
	prefix, instance, _ := strings.Cut(base, "@")
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b.WriteByte(value[i])
			continue
		}
		if i++; i == len(value) {
			return "", fmt.Errorf("a single %% at the end of %q; write %%%% for the character", value)
		}
		switch value[i] {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteString(name)
		case 'N':
			b.WriteString(base)
		case 'p':
			b.WriteString(prefix)
		case 'P':
			b.WriteString(unescape(prefix))
		case 'i':
			b.WriteString(instance)
		case 'I':
			b.WriteString(unescape(instance))
		case 'f':
			b.WriteString("/" + unescape(instance))
		case 't':
			b.WriteString("/run")
		case 'S':
			b.WriteString("/var/lib")
		case 'C':
			b.WriteString("/var/cache")
		case 'L':
			b.WriteString("/var/log")
		case 'E':
			b.WriteString("/etc")
		case 'T':
			b.WriteString("/tmp")
		case 'V':
			b.WriteString("/var/tmp")
		case 'h':
			b.WriteString("/root")
		case 'u':
			b.WriteString("root")
		case 'U', 'G':
			b.WriteString("0")
		default:
			return "", fmt.Errorf("specifier %%%c in %q is not supported", value[i], value)
		}
	}
	return b.String(), nil
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
