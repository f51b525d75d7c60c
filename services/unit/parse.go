package unit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSize bounds a unit file, in bytes, as systemd does.
const MaxSize = 4 << 20

// Directive is one assignment of a unit file.
type Directive struct {
	Section, Key, Value string
	File                string
	Line                int // of its first physical line, from 1
}

// Source gives "file:line".
func (d Directive) Source() string { return fmt.Sprintf("%s:%d", d.File, d.Line) }

// Problem is something in a file that is not the unit language. The line it
// stands on is left out; the rest of the file holds.
type Problem struct {
	File    string
	Line    int
	Message string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

// Parse splits the text of one file into directives, in order.
//
// A backslash at the end of a line joins the next one with a space; comment
// lines inside such a run are skipped; lines that start with # or ; are
// comments; blanks around keys and values do not count.
func Parse(file string, text []byte) ([]Directive, []Problem) {
	p := parser{file: file}
	if len(text) > MaxSize {
		p.problem(1, "file is larger than %d bytes", MaxSize)
		return nil, p.problems
	}
	if !utf8.Valid(text) || strings.IndexByte(string(text), 0) >= 0 {
		p.problem(1, "file is not UTF-8 text")
		return nil, p.problems
	}
	lines := strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n")
	for i := 0; i < len(lines); {
		first := i
		line, joined := strings.TrimSpace(lines[i]), false
		i++
		if line == "" || isComment(line) {
			continue
		}
		for ; strings.HasSuffix(line, "\\"); joined = true {
			line = strings.TrimSuffix(line, "\\") + " "
			for i < len(lines) && isComment(strings.TrimSpace(lines[i])) {
				i++
			}
			if i == len(lines) {
				break
			}
			line += strings.TrimSpace(lines[i])
			i++
		}
		if joined {
			line = strings.TrimSpace(line)
		}
		p.line(first+1, line)
	}
	return p.directives, p.problems
}

func isComment(line string) bool {
	return strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";")
}

type parser struct {
	file, section string
	directives    []Directive
	problems      []Problem
}

func (p *parser) problem(line int, format string, args ...any) {
	p.problems = append(p.problems, Problem{p.file, line, fmt.Sprintf(format, args...)})
}

func (p *parser) line(n int, line string) {
	if strings.HasPrefix(line, "[") {
		if !strings.HasSuffix(line, "]") || len(line) < 3 {
			p.problem(n, "section header %q does not end in ]", line)
			p.section = ""
			return
		}
		p.section = line[1 : len(line)-1]
		return
	}
	key, value, ok := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	switch {
	case !ok:
		p.problem(n, "%q is neither a section nor an assignment KEY=VALUE", line)
	case key == "":
		p.problem(n, "assignment without a key")
	case p.section == "":
		p.problem(n, "%s= stands before any [Section]", key)
	default:
		p.directives = append(p.directives, Directive{p.section, key, strings.TrimSpace(value), p.file, n})
	}
}
