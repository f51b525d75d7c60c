package intake

import (
	"strconv"
	"strings"

	"clarityos/services/log"
)

// parseSyslog reads what syslog(3) sends to /dev/log: <PRI>TIME TAG[PID]: TEXT,
// in the manner of RFC 3164, with every part but the text optional. The time is
// left aside: the kernel's stamp has more of it.
func parseSyslog(b []byte) log.Record {
	text := strings.TrimRight(string(b), "\n\x00")
	r := log.Record{Priority: log.Notice}
	if rest, ok := strings.CutPrefix(text, "<"); ok {
		digits, after, closed := strings.Cut(rest, ">")
		if n, err := strconv.ParseUint(digits, 10, 10); closed && err == nil && len(digits) <= 3 {
			r.Priority, text = int(n&7), after
			r.Fields = append(r.Fields, log.Field{Name: "SYSLOG_FACILITY", Value: strconv.Itoa(int(n >> 3))})
		}
	}
	text = withoutTime(text)
	r.Identifier, r.PID, r.Message = tagged(text)
	return r
}

// tagged splits "TAG[PID]: TEXT" or "TAG: TEXT". A tag is a word without spaces
// before a colon, at most 64 bytes.
func tagged(text string) (tag string, pid int, message string) {
	n := strings.IndexAny(text, ": [\n")
	if n <= 0 || n > 64 || text[n] == ' ' || text[n] == '\n' {
		return "", 0, text
	}
	tag, rest := text[:n], text[n:]
	if inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]:"); ok && rest[0] == '[' {
		if pid, err := strconv.ParseUint(inside, 10, 31); err == nil {
			return tag, int(pid), strings.TrimPrefix(after, " ")
		}
	} else if rest[0] == ':' && (len(rest) == 1 || rest[1] == ' ') {
		return tag, 0, strings.TrimPrefix(rest[1:], " ")
	}
	return "", 0, text
}

// withoutTime cuts off "Nov  3 12:00:00 ".
func withoutTime(text string) string {
	const form = "Jan _2 15:04:05 "
	if len(text) < len(form) || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' || text[15] != ' ' {
		return text
	}
	if strings.Contains("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ", text[:4]) {
		return text[len(form):]
	}
	return text
}
