package unit

import (
	"fmt"
	"strconv"
	"strings"
)

// Words splits a value at blanks as systemd does: single or double quotes
// around (parts of) a word keep blanks, and C-style escapes are decoded.
func Words(value string) ([]string, error) {
	var out []string
	for i := 0; ; {
		for i < len(value) && isBlank(value[i]) {
			i++
		}
		if i == len(value) {
			return out, nil
		}
		word, n, err := word(value[i:])
		if err != nil {
			return nil, err
		}
		out, i = append(out, word), i+n
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// word decodes the word at the start of s and gives how many bytes it took.
func word(s string) (string, int, error) {
	var b strings.Builder
	var quote byte
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			text, n, err := escape(s[i:])
			if err != nil {
				return "", 0, err
			}
			b.WriteString(text)
			i += n - 1
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				b.WriteByte(c)
			}
		case c == '"' || c == '\'':
			quote = c
		case isBlank(c):
			return b.String(), i, nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, fmt.Errorf("no closing %c in %q", quote, s)
	}
	return b.String(), i, nil
}

var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	'\\': "\\", '"': "\"", '\'': "'", 's': " ", ';': ";",
}

// escape decodes the backslash sequence at the start of s. One that
// systemd.syntax(7) does not list is an error, except that, as in systemd's
// relaxed mode for command lines, an unknown letter keeps its backslash.
func escape(s string) (string, int, error) {
	if len(s) < 2 {
		return "", 0, fmt.Errorf("backslash at the end of %q", s)
	}
	if t, ok := escapes[s[1]]; ok {
		return t, 2, nil
	}
	digits, base := 0, 16
	start := 2
	switch c := s[1]; {
	case c == 'x':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	case c >= '0' && c <= '7':
		digits, base, start = 3, 8, 1
	default:
		return s[:2], 2, nil
	}
	if len(s) < start+digits {
		return "", 0, fmt.Errorf("escape %q is too short", s)
	}
	n, err := strconv.ParseUint(s[start:start+digits], base, 32)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("escape %q is no character", s[:start+digits])
	}
	if s[1] == 'u' || s[1] == 'U' {
		return string(rune(n)), start + digits, nil
	}
	return string([]byte{byte(n)}), start + digits, nil
}
