package spawn

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Substitute replaces variables in the words of a command line as
// systemd.service(5) says: ${NAME} anywhere in a word by its value; a word that
// is just $NAME by the blank-separated words of its value, of which there may be
// none; $$ by a dollar sign.
func Substitute(argv, env []string) []string {
	values := map[string]string{}
	for _, e := range env {
		k, v, _ := strings.Cut(e, "=")
		values[k] = v
	}
	out := []string{argv[0]}
	for _, w := range argv[1:] {
		if name, ok := strings.CutPrefix(w, "$"); ok && isName(name) {
			out = append(out, strings.Fields(values[name])...)
			continue
		}
		out = append(out, substituteWord(w, values))
	}
	return out
}

func substituteWord(w string, values map[string]string) string {
	var b strings.Builder
	for i := 0; i < len(w); i++ {
		rest := w[i:]
		switch {
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "${") && strings.Contains(rest, "}"):
			end := strings.IndexByte(rest, '}')
			b.WriteString(values[rest[2:end]])
			i += end
		default:
			b.WriteByte(w[i])
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// readEnvFiles adds the variables of the unit's EnvironmentFile= lines; they
// win over Environment=.
func readEnvFiles(s *Spec) error {
	for _, f := range s.Process.EnvFiles {
		text, err := os.ReadFile(f.Path)
		if err != nil && f.Optional {
			continue
		}
		if err != nil {
			return err
		}
		vars, err := ParseEnv(string(text))
		if err != nil {
			return fmt.Errorf("%s:%w", f.Path, err)
		}
		s.Env = append(s.Env, vars...)
	}
	s.Env = dedupe(s.Env)
	return nil
}

// ParseEnv reads KEY=value lines: # and ; start comments, values may be quoted,
// a backslash at the end of a line continues it. The error starts with the
// line's number.
func ParseEnv(text string) ([]string, error) {
	var out []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		n := i + 1
		line := strings.TrimSpace(lines[i])
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + strings.TrimSpace(lines[i])
		}
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		line = strings.TrimPrefix(line, "export ")
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !ok || !isName(key) {
			return nil, fmt.Errorf("%d: %q is no KEY=value", n, line)
		}
		out = append(out, key+"="+unquote(strings.TrimSpace(value)))
	}
	return out, nil
}

func unquote(v string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// rawSetgroups changes the groups of this thread alone, which will execute the
// program; the library's Setgroups would bother every thread.
func rawSetgroups(groups []uint32) error {
	var p unsafe.Pointer
	if len(groups) > 0 {
		p = unsafe.Pointer(&groups[0])
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(p), 0); e != 0 {
		return e
	}
	return nil
}
