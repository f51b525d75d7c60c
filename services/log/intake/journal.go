package intake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"clarityos/services/log"
)

// errJournal says that a datagram is not in journald's native protocol.
var errJournal = errors.New("not journald's native protocol")

// maxJournalFields bounds the fields of one message that are looked at.
const maxJournalFields = 256

// parseJournal reads journald's native protocol (systemd.io,
// JOURNAL_NATIVE_PROTOCOL): lines NAME=value, or NAME, a newline, the value's
// length as 64 bits in little-endian order, the value and a newline.
func parseJournal(b []byte) (log.Record, error) {
	r := log.Record{Priority: log.Info}
	found := false
	for n := 0; len(b) > 0; n++ {
		if n == maxJournalFields {
			return r, errJournal
		}
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			end = len(b) // the last line may lack its end
		}
		name, value, plain := strings.Cut(string(b[:end]), "=")
		b = b[min(end+1, len(b)):]
		if !plain {
			if name == "" {
				continue
			}
			if len(b) < 8 {
				return r, errJournal
			}
			size := binary.LittleEndian.Uint64(b)
			b = b[8:]
			if size >= uint64(len(b)) || b[size] != '\n' {
				return r, errJournal
			}
			value, b = string(b[:size]), b[size+1:]
		}
		if !fieldName(name) {
			continue // as journald does
		}
		switch name {
		case "MESSAGE":
			r.Message, found = value, true
		case "PRIORITY":
			if p, err := strconv.ParseUint(value, 10, 8); err == nil && p <= log.Debug {
				r.Priority = int(p)
			}
		case "SYSLOG_IDENTIFIER":
			r.Identifier = value
		default:
			r.Fields = append(r.Fields, log.Field{Name: name, Value: value})
		}
	}
	if !found && len(r.Fields) == 0 {
		return r, errJournal
	}
	return r, nil
}

// fieldName reports whether a client may use the name: capitals, digits and
// underscores, not in front, at most 64.
func fieldName(name string) bool {
	if name == "" || len(name) > 64 || name[0] == '_' || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
