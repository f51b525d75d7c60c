package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits of one record, in bytes. What is longer is cut by whoever makes it.
const (
	MaxMessage = 16 << 10
	maxText    = 1 << 10 // unit, invocation, identifier, source, name of a field
	maxFields  = 64
	maxRecord  = 64 << 10
)

// Priorities of syslog.
const (
	Emergency = iota
	Alert
	Critical
	Error
	Warning
	Notice
	Info
	Debug
)

// Record is one line of a log.
type Record struct {
	// Boot is the id of the boot, 32 hex digits, and Seq the number of the
	// record in it, from 1. The store sets both.
	Boot string `json:"boot"`
	Seq  uint64 `json:"seq"`

	RealtimeUS  uint64 `json:"realtime_us"`  // µs since 1970
	MonotonicUS uint64 `json:"monotonic_us"` // µs since the kernel started

	Unit       string `json:"unit,omitempty"`       // "" if it is not known
	Invocation string `json:"invocation,omitempty"` // which run of the unit
	Identifier string `json:"identifier,omitempty"` // the program's name for itself
	PID        int    `json:"pid,omitempty"`        // 0 if it is not known
	Priority   int    `json:"priority"`             // 0 to 7
	Message    string `json:"message"`
	// Cut says that the line was too long and goes on in the next record.
	Cut bool `json:"cut,omitempty"`
	// Fields are further fields of a structured message.
	Fields []Field `json:"fields,omitempty"`

	// Object says that the message is a JSON object. It is stored as it was
	// written; who reads the store gets what it says in Message and Fields,
	// and the line itself in Line. See Structure.
	Object bool   `json:"-"`
	Line   string `json:"-"`
	// Mark says that only Source and Position count: what was read up to
	// there is not kept. No reader sees such a record.
	Mark bool `json:"-"`

	// Source names where the record was read from, and Position how far
	// that source was read with it: the offset behind the line in a stream,
	// the kernel's time stamp of a datagram in ns, or a sequence number.
	Source   string `json:"-"`
	Position uint64 `json:"-"`
}

// Field is a name and a value of a structured message.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Time returns when the record was made.
func (r Record) Time() time.Time { return time.UnixMicro(int64(r.RealtimeUS)) }

// ParsePriority reads a priority by its number or by its name in syslog.
func ParsePriority(text string) (int, error) {
	if n, err := strconv.Atoi(text); err == nil && n >= Emergency && n <= Debug {
		return n, nil
	}
	for n, name := range []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"} {
		if text == name || text == "error" && n == Error || text == "warn" && n == Warning {
			return n, nil
		}
	}
	return 0, fmt.Errorf("priority %q: it is emerg, alert, crit, err, warning, notice, info, debug or 0 to 7", text)
}

// The kinds of frames in a segment.
const (
	frameHead   = 'H' // JSON of head
	frameRecord = 'R'
)

// The flags of a record; its priority is in the lowest three bits.
const (
	flagCut    = 0x80
	flagMark   = 0x40
	flagObject = 0x20
)

// errRecord says that bytes with a right checksum are no record.
var errRecord = errors.New("not a record of this version")

// clamped returns the record with everything within its limits.
func (r Record) clamped() Record {
	if len(r.Message) > MaxMessage {
		r.Message, r.Cut, r.Object = r.Message[:MaxMessage], true, false
	}
	for _, s := range []*string{&r.Unit, &r.Invocation, &r.Identifier, &r.Source} {
		*s = (*s)[:min(len(*s), maxText)]
	}
	r.Priority = min(max(r.Priority, Emergency), Debug)
	room := maxRecord - MaxMessage - 8*maxText
	for i, f := range r.Fields {
		room -= min(len(f.Name), maxText) + len(f.Value) + 8
		if i == maxFields || room < 0 {
			r.Fields = r.Fields[:i:i]
			break
		}
	}
	return r
}

// appendRecord appends the body of a record's frame. The boot is the
// segment's; numbers are varints, texts have their length in front.
func appendRecord(b []byte, r Record) []byte {
	b = append(b, frameRecord)
	flags := byte(r.Priority)
	if r.Cut {
		flags |= flagCut
	}
	if r.Mark {
		flags |= flagMark
	}
	if r.Object {
		flags |= flagObject
	}
	b = append(b, flags)
	for _, n := range []uint64{r.Seq, r.RealtimeUS, r.MonotonicUS, uint64(max(r.PID, 0)), r.Position} {
		b = binary.AppendUvarint(b, n)
	}
	for _, s := range []string{r.Source, r.Unit, r.Invocation, r.Identifier, r.Message} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Fields)))
	for _, f := range r.Fields {
		b = appendText(b, f.Name[:min(len(f.Name), maxText)])
		b = appendText(b, f.Value)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parseRecord reads the body of a record's frame.
func parseRecord(boot string, b []byte) (Record, error) {
	if len(b) < 2 || b[0] != frameRecord {
		return Record{}, errRecord
	}
	flags := b[1]
	r := Record{Boot: boot, Priority: int(flags & 7), Cut: flags&flagCut != 0, Mark: flags&flagMark != 0, Object: flags&flagObject != 0}
	d := decoder{b: b[2:]}
	r.Seq, r.RealtimeUS, r.MonotonicUS = d.number(), d.number(), d.number()
	r.PID = int(d.number() & 0x7fffffff)
	r.Position = d.number()
	for _, s := range []*string{&r.Source, &r.Unit, &r.Invocation, &r.Identifier, &r.Message} {
		*s = d.text()
	}
	for n := d.number(); n > 0 && !d.bad; n-- {
		r.Fields = append(r.Fields, Field{d.text(), d.text()})
	}
	if d.bad || len(d.b) > 0 {
		return Record{}, errRecord
	}
	return r, nil
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) text() string {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// newBootID turns a kernel's boot id into ours, or refuses it.
func newBootID(id string) (string, error) {
	hex := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(id)), "-", "")
	if len(hex) != 32 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", fmt.Errorf("boot id %q is not 32 hex digits", id)
	}
	return hex, nil
}
