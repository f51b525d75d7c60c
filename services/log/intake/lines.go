package intake

import (
	"bytes"

	"clarityos/services/log"
)

// line is one line of a stream.
type line struct {
	text     []byte
	priority int
	cut      bool  // it goes on in the next one
	end      int64 // behind it, from the start of what was split
}

// prefixes says how lines name their priority.
type prefixes struct {
	level int  // of lines that do not
	none  bool // no line does
}

// maxLines bounds what is made of one buffer: it may hold nothing but newlines.
const maxLines = 1024

// split cuts bytes of a stream into lines of at most log.MaxMessage bytes. What
// has no end yet is left, unless it is the last of the stream; so is what comes
// behind maxLines lines.
func split(b []byte, last bool, p prefixes) (lines []line) {
	at := int64(0)
	for len(b) > 0 && len(lines) < maxLines {
		n := bytes.IndexByte(b, '\n')
		l := line{priority: p.level}
		used := 0
		switch {
		case n > log.MaxMessage || n < 0 && len(b) > log.MaxMessage:
			l.text, l.cut, used = b[:log.MaxMessage], true, log.MaxMessage
		case n >= 0:
			l.text, used = b[:n], n+1
		case last:
			l.text, used = b, len(b)
		default:
			return lines
		}
		b = b[used:]
		at += int64(used)
		l.end = at
		l.text = bytes.TrimSuffix(l.text, []byte("\r"))
		// sd-daemon(3): a line may begin with its priority.
		if t := l.text; !p.none && len(t) >= 3 && t[0] == '<' && t[2] == '>' && t[1] >= '0' && t[1] <= '7' {
			l.priority, l.text = int(t[1]-'0'), t[3:]
		}
		lines = append(lines, l)
	}
	return lines
}
