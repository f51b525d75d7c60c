package report

import (
	"fmt"
	"strings"
	"unicode"

	"clarityos/learn/draw"
)

// maxText is how much of a text is shown, in characters.
const maxText = 300

// maxBrief is that of what is known to be short, such as a host's name.
const maxBrief = 80

// plain makes a text of a unit fit for the page: no longer than maxText, in one line, and
// without characters that hide or turn around what stands beside them; these are named.
// That it is text and not HTML is html/template's to see to.
func plain(s string) string {
	s = draw.Cut(s, maxText)
	hides := func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' || c == '\ufeff' || c == unicode.ReplacementChar
	}
	if strings.IndexFunc(s, hides) < 0 {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			b.WriteByte(' ')
		case hides(c):
			fmt.Fprintf(&b, "<U+%04X>", c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// brief is plain for what stands in a heading or a small field.
func brief(s string) string { return plain(draw.Cut(s, maxBrief)) }

// plainAll makes texts plain, at most so many of them; the last one then says how many
// are left out.
func plainAll(all []string, most int) (out []string) {
	for i, s := range all {
		if i == most {
			return append(out, fmt.Sprintf("and %d more", len(all)-most))
		}
		out = append(out, plain(s))
	}
	return out
}

// cost is how many bytes a text takes on the page, escaped, at most.
func cost(texts ...string) (n int) {
	for _, s := range texts {
		n += len(s)
		for _, special := range []string{"<", ">", "&", `"`, "'", "+", "`"} {
			n += 5 * strings.Count(s, special)
		}
	}
	return n
}

// room is what is left of a part's room, in bytes.
type room int

// take says whether there is room for something; what has none takes none.
func (r *room) take(bytes int) bool {
	if int(*r) < bytes {
		*r = 0
		return false
	}
	*r -= room(bytes)
	return true
}

// left says how many of a list are not shown; "" is none.
func left(n int, thing, why string) string {
	if n <= 0 {
		return ""
	}
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	return fmt.Sprintf("%s %s not shown: %s.", draw.Count(n, "more "+thing), verb, why)
}
