package log

import (
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
)

// Host is the machine whose records are printed or sent.
type Host struct {
	Name      string
	MachineID string // "" if there is none
}

// ThisHost is the machine that this runs on.
func ThisHost() Host {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	id, _ := os.ReadFile("/etc/machine-id") // it may be missing
	return Host{name, strings.TrimSpace(string(id))}
}

// Transport tells how a record came, in journald's words
// (systemd.journal-fields(7), _TRANSPORT=).
func (r Record) Transport() string {
	switch source, name, _ := strings.Cut(r.Source, ":"); {
	case source == "stream":
		return "stdout"
	case source == "kmsg":
		return "kernel"
	case source == "socket":
		return name // syslog or journal
	case source == "init":
		return "journal"
	}
	return "driver" // the component's own
}

// entry gives a record's fields by journald's names. What PID 1 says about a
// unit has it in UNIT, as with systemd. The names that begin with two
// underscores, and the host's, are not among them.
func (r Record) entry() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		id, about := r.Unit, ""
		if r.Source == "init" {
			id, about = "init.scope", r.Unit
		}
		pid := ""
		if r.PID > 0 {
			pid = strconv.Itoa(r.PID)
		}
		for _, f := range []Field{
			{"_BOOT_ID", r.Boot}, {"_TRANSPORT", r.Transport()}, {"PRIORITY", strconv.Itoa(r.Priority)},
			{"SYSLOG_IDENTIFIER", r.Identifier}, {"_PID", pid}, {"_SYSTEMD_UNIT", id}, {"UNIT", about},
			{"_SYSTEMD_INVOCATION_ID", r.Invocation},
		} {
			if f.Value != "" && !yield(f.Name, f.Value) {
				return
			}
		}
		if r.Cut && !yield("_LINE_BREAK", "line-max") {
			return
		}
		if !yield("MESSAGE", r.Message) {
			return
		}
		for _, f := range r.Fields {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// Place names a record for good, in whichever segment it is.
type Place struct {
	Boot string // 32 hex digits
	Seq  uint64
}

// Cursor is a place as text, in the form of journald's cursors: numbers are
// counted anew in each boot, so that the boot stands for their source.
func (r Record) Cursor() string {
	return fmt.Sprintf("s=%s;i=%x;b=%s;m=%x;t=%x;x=0", r.Boot, r.Seq, r.Boot, r.MonotonicUS, r.RealtimeUS)
}

// ParseCursor reads what Cursor wrote.
func ParseCursor(text string) (Place, error) {
	var p Place
	for part := range strings.SplitSeq(strings.TrimSpace(text), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "b":
			p.Boot = value
		case "i":
			p.Seq, _ = strconv.ParseUint(value, 16, 64)
		}
	}
	if _, err := newBootID(p.Boot); err != nil || p.Seq == 0 {
		return Place{}, fmt.Errorf("%q is no cursor: it is what `clarityctl logs -o json` gives as __CURSOR", text)
	}
	return p, nil
}
