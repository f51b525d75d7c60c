package checks

import (
	"fmt"
	"io"
	"strings"
)

// TAP writes the Test Anything Protocol, version 14 (testanything.org), a
// line for each outcome as it comes.
type TAP struct {
	w io.Writer
	n int
}

// NewTAP begins a report of a number of checks.
func NewTAP(w io.Writer, checks int) (*TAP, error) {
	_, err := fmt.Fprintf(w, "TAP version 14\n1..%d\n", checks)
	return &TAP{w: w}, err
}

// Add reports the next outcome.
func (t *TAP) Add(o Outcome) error {
	t.n++
	var b strings.Builder
	if o.Failed != "" {
		b.WriteString("not ")
	}
	fmt.Fprintf(&b, "ok %d - %s\n", t.n, escapeTAP(o.Name))
	fmt.Fprintf(&b, "  ---\n  duration_ms: %d\n", o.Took.Milliseconds())
	if o.Failed != "" {
		if o.Line > 0 {
			fmt.Fprintf(&b, "  line: %d\n", o.Line)
		}
		b.WriteString("  message: |\n")
		for line := range strings.Lines(o.Failed) {
			b.WriteString("    " + printable(strings.TrimRight(line, "\n")) + "\n")
		}
	}
	b.WriteString("  ...\n")
	_, err := io.WriteString(t.w, b.String())
	return err
}

// BailOut says that the rest cannot be run.
func (t *TAP) BailOut(reason string) error {
	first, _, _ := strings.Cut(reason, "\n")
	_, err := fmt.Fprintf(t.w, "Bail out! %s\n", printable(first))
	return err
}

// escapeTAP keeps a description from being read as a directive.
func escapeTAP(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(printable(s))
}

// printable replaces what YAML and XML cannot carry.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r >= ' ' && r != 0x7f && r < 0xfffe && !(r >= 0x80 && r < 0xa0) && !(r >= 0xd800 && r < 0xe000) || r > 0xffff {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
