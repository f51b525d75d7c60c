package log

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Where a structured line says what, in the order in which they are looked
// for: journald's own name, then those of slog, zap, zerolog, logrus, bunyan
// and pino.
var (
	messageKeys = []string{"MESSAGE", "message", "msg"}
	levelKeys   = []string{"PRIORITY", "priority", "level", "severity"}
)

// levels are the names of priorities in those libraries, in lower case.
var levels = map[string]int{
	"emerg": Emergency, "emergency": Emergency, "alert": Alert,
	"crit": Critical, "critical": Critical, "fatal": Critical, "panic": Critical, "dpanic": Critical,
	"err": Error, "error": Error, "warn": Warning, "warning": Warning,
	"notice": Notice, "info": Info, "information": Info, "debug": Debug, "trace": Debug,
}

// structure is what a structured line says.
type structure struct {
	message  string // the whole line, if it names none
	priority int    // -1 if it names none
	fields   []Field
}

// Structure makes a record of a line that is one JSON object. Its priority is
// the one that the line names. What is no such object stays text.
func Structure(r Record) Record {
	if s, ok := parseStructure(r.Message); ok {
		r.Object = true
		if s.priority >= 0 {
			r.Priority = s.priority
		}
	}
	return r
}

// expanded is a stored record as it is read.
func (r Record) expanded() Record {
	if !r.Object {
		return r
	}
	s, ok := parseStructure(r.Message)
	if !ok { // written by a version that took more for an object
		return r
	}
	r.Line, r.Message = r.Message, s.message
	r.Fields = append(r.Fields[:len(r.Fields):len(r.Fields)], s.fields...)
	return r
}

// parseStructure reads a JSON object of at most MaxMessage bytes and maxFields
// members. Members of objects in it become fields of their own, as
// REQUEST_METHOD for method in request; what is deeper, and lists, stays JSON.
func parseStructure(line string) (structure, bool) {
	text := strings.TrimSpace(line)
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' || len(text) > MaxMessage || !utf8.ValidString(text) {
		return structure{}, false
	}
	members, ok := parseMembers([]byte(text))
	if !ok {
		return structure{}, false
	}
	s := structure{message: line, priority: -1}
	message := pick(members, messageKeys, func(m member) bool { return m.scalar })
	level := pick(members, levelKeys, func(m member) bool { s.priority = levelOf(m.text()); return s.priority >= 0 })
	for i, m := range members {
		switch {
		case i == message:
			s.message = m.text()
			continue
		case i == level:
			continue
		}
		if !m.scalar && m.value[0] == '{' {
			if inner, ok := parseMembers(m.value); ok {
				for _, n := range inner {
					s.fields = append(s.fields, Field{FieldName(m.name + "_" + n.name), n.text()})
				}
				continue
			}
		}
		s.fields = append(s.fields, Field{FieldName(m.name), m.text()})
	}
	return s, len(s.fields) <= maxFields
}

// member is a name and a value of a JSON object.
type member struct {
	name   string
	value  json.RawMessage
	scalar bool // neither an object nor a list
}

// text is a text's value, and the JSON of anything else.
func (m member) text() string {
	var s string
	if m.value[0] == '"' && json.Unmarshal(m.value, &s) == nil {
		return s
	}
	return string(m.value)
}

// parseMembers reads the members of one object in their order. There may be
// maxFields of them.
func parseMembers(text []byte) ([]member, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var members []member
	for d.More() {
		name, err := d.Token()
		if err != nil || len(members) == maxFields {
			return nil, false
		}
		m := member{name: name.(string)}
		if d.Decode(&m.value) != nil {
			return nil, false
		}
		m.scalar = m.value[0] != '{' && m.value[0] != '['
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil || int(d.InputOffset()) != len(text) {
		return nil, false
	}
	return members, true
}

// pick returns the place of the member with the first of the names that will
// do, or -1.
func pick(members []member, names []string, do func(member) bool) int {
	for _, name := range names {
		for i, m := range members {
			if m.name == name && do(m) {
				return i
			}
		}
	}
	return -1
}

// levelOf reads a level: a name, slog's name with an offset ("INFO+2", which is
// nearer to WARN the greater it is), syslog's 0 to 7, or bunyan's and pino's 10
// to 60. It returns -1 for anything else.
func levelOf(text string) int {
	if p, ok := levels[strings.ToLower(text)]; ok {
		return p
	}
	if n, err := strconv.Atoi(text); err == nil {
		switch {
		case n >= Emergency && n <= Debug:
			return n
		case n >= 10 && n <= 60 && n%10 == 0:
			return []int{Debug, Debug, Info, Warning, Error, Critical}[n/10-1]
		}
		return -1
	}
	at := strings.IndexAny(text, "+-")
	if at < 0 {
		return -1
	}
	// log/slog, Level: debug, info, warn and error are -4, 0, 4 and 8.
	base, ok := map[string]int{"DEBUG": -4, "INFO": 0, "WARN": 4, "ERROR": 8}[text[:at]]
	offset, err := strconv.Atoi(text[at:])
	if !ok || err != nil {
		return -1
	}
	switch n := base + offset; {
	case n >= 8:
		return Error
	case n >= 4:
		return Warning
	case n >= 2:
		return Notice
	case n >= 0:
		return Info
	}
	return Debug
}

// FieldName makes a name that journald allows of any text: capitals, digits and
// underscores, 64 at most, not beginning with an underscore or a digit, and
// none that a record has by itself.
func FieldName(name string) string {
	b := []byte(strings.TrimLeft(strings.ToUpper(name), "_"))
	for i, c := range b {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			b[i] = '_'
		}
	}
	name = strings.TrimLeft(string(b), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' || own[name] {
		name = strings.TrimSuffix("FIELD_"+name, "_")
	}
	return name[:min(len(name), 64)]
}

// own are the names of a record's own fields that clients may set in journald.
var own = map[string]bool{"MESSAGE": true, "PRIORITY": true, "SYSLOG_IDENTIFIER": true, "SYSLOG_PID": true}
