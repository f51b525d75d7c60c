package log

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is how records are printed.
type Format string

const (
	Short        Format = "short"         // time, identifier or unit, process id, message
	ShortISO     Format = "short-iso"     // the same with the year and the zone
	ShortPrecise Format = "short-precise" // the same to the microsecond
	Cat          Format = "cat"           // the message alone
	Raw          Format = "raw"           // the line as it was written
	JSON         Format = "json"          // `journalctl -o json`
	Export       Format = "export"        // systemd.io, JOURNAL_EXPORT_FORMATS
)

// Formats are all of them.
var Formats = []Format{Short, ShortISO, ShortPrecise, Cat, Raw, JSON, Export}

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, f := range Formats {
		if name == string(f) {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", fmt.Errorf("no format %q: there are %s", name, strings.Join(names, ", "))
}

// forPrograms reports whether a line of ours would be taken for a record.
func (f Format) forPrograms() bool { return !strings.HasPrefix(string(f), string(Short)) }

var stamps = map[Format]string{Short: time.StampMilli, ShortISO: "2006-01-02T15:04:05-0700", ShortPrecise: time.StampMicro}

// append adds a record to b in the format.
func (f Format) append(b []byte, r Record, host Host) []byte {
	switch f {
	case JSON:
		return appendJSON(b, r, host)
	case Export:
		return appendExport(b, r, host)
	case Cat:
		return append(append(b, r.Message...), '\n')
	case Raw:
		if r.Line != "" {
			r.Message = r.Line
		}
		return append(append(b, r.Message...), '\n')
	}
	return append(b, short(r, stamps[f])...)
}

// addressed gives all that journald's formats have of a record.
func addressed(r Record, host Host, add func(name, value string)) {
	add("__CURSOR", r.Cursor())
	add("__REALTIME_TIMESTAMP", strconv.FormatUint(r.RealtimeUS, 10))
	add("__MONOTONIC_TIMESTAMP", strconv.FormatUint(r.MonotonicUS, 10))
	if host.Name != "" {
		add("_HOSTNAME", host.Name)
	}
	if host.MachineID != "" {
		add("_MACHINE_ID", host.MachineID)
	}
	for name, value := range r.entry() {
		add(name, value)
	}
}

// appendJSON writes one object in one line: all values are texts, or lists of
// numbers if they are no printable UTF-8, and lists of values where a name
// occurs more than once.
func appendJSON(b []byte, r Record, host Host) []byte {
	var names []string
	values := map[string][]string{}
	addressed(r, host, func(name, value string) {
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	})
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, name), ':')
		all := values[name]
		if len(all) == 1 {
			b = appendValue(b, all[0])
			continue
		}
		for j, value := range all {
			b = append(b, "[,"[min(j, 1)])
			b = appendValue(b, value)
		}
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}

func appendValue(b []byte, value string) []byte {
	if printable(value) {
		return appendQuoted(b, value)
	}
	b = append(b, '[')
	for i, c := range []byte(value) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return append(b, ']')
}

// printable is systemd's utf8_is_printable, which decides on the form of a
// value in both formats: UTF-8 without control characters, but for tabs and,
// in JSON, newlines.
func printable(value string) bool {
	return utf8.ValidString(value) && strings.IndexFunc(value, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' || c >= 0x7f && c <= 0x9f
	}) < 0
}

func appendQuoted(b []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a text always has one
	return append(b, quoted...)
}

// appendExport writes one entry of the export format: NAME=value lines, or for
// a value that is binary or has newlines its name, its length as 64 bits in
// little-endian order, and the value; then an empty line.
func appendExport(b []byte, r Record, host Host) []byte {
	addressed(r, host, func(name, value string) {
		b = append(b, name...)
		if printable(value) && !strings.Contains(value, "\n") {
			b = append(append(b, '='), value...)
		} else {
			b = append(b, '\n')
			b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
			b = append(b, value...)
		}
		b = append(b, '\n')
	})
	return append(b, '\n')
}

// Printable makes a text fit for a terminal: control characters become ?.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' || c == 0x7f {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
}

// short is a record for a person; further lines of a message are indented.
func short(r Record, stamp string) string {
	who := r.Identifier
	if who == "" {
		who = strings.TrimSuffix(r.Unit, ".service")
	}
	if who == "" {
		who = "?"
	}
	if r.PID > 0 {
		who = fmt.Sprintf("%s[%d]", who, r.PID)
	}
	text := Printable(strings.TrimRight(r.Message, "\n"))
	if r.Cut {
		text += "…"
	}
	text = strings.ReplaceAll(text, "\n", "\n    ")
	return fmt.Sprintf("%s %s: %s\n", r.Time().Local().Format(stamp), who, text)
}
