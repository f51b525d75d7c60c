package intake

import (
	"errors"
	"strconv"
	"strings"

	"clarityos/services/log"
)

// errKmsg says that a record is not in the form of /dev/kmsg.
var errKmsg = errors.New("not a record of /dev/kmsg")

// parseKmsg reads one record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg):
// "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT" and lines of a dictionary. Control
// characters in the text are escaped as \xNN.
func parseKmsg(b []byte) (log.Record, error) {
	prefix, text, ok := strings.Cut(string(b), ";")
	parts := strings.Split(prefix, ",")
	if !ok || len(parts) < 3 {
		return log.Record{}, errKmsg
	}
	priority, err1 := strconv.ParseUint(parts[0], 10, 32)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	at, err3 := strconv.ParseUint(parts[2], 10, 63)
	if err := errors.Join(err1, err2, err3); err != nil {
		return log.Record{}, errKmsg
	}
	text, _, _ = strings.Cut(text, "\n")
	r := log.Record{Identifier: "kernel", Priority: int(priority & 7), MonotonicUS: at, Message: unescape(text), Source: "kmsg", Position: seq}
	if priority>>3 != 0 {
		r.Identifier = "" // written by a program
	}
	return r, nil
}

func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
