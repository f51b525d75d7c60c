package slots

import "fmt"

// Shown is a record as it is told to people and programs.
type Shown struct {
	Default  string               `json:"default"`
	Failures uint8                `json:"failures,omitempty"` // in a row
	Reason   string               `json:"reason,omitempty"`   // of the latest fall-back
	Slots    map[string]ShownSlot `json:"slots"`              // by name
}

// ShownSlot is one slot.
type ShownSlot struct {
	State    string `json:"state"`
	Version  string `json:"version,omitempty"`
	Root     string `json:"root,omitempty"` // the root hash, in hex
	Security uint32 `json:"security,omitempty"`
	Left     uint8  `json:"left,omitempty"` // tries
	Done     uint8  `json:"done,omitempty"`
	Why      string `json:"why,omitempty"` // it is bad
}

// Show gives what a record says.
func (r *Record) Show() Shown {
	out := Shown{Default: r.Default.String(), Failures: r.Failures, Reason: r.Reason, Slots: map[string]ShownSlot{}}
	for _, s := range []Slot{A, B} {
		side := r.Side(s)
		shown := ShownSlot{State: side.State.String(), Version: side.Version, Security: side.Security, Left: side.Left, Done: side.Done, Why: side.Why}
		if side.Root != [32]byte{} {
			shown.Root = fmt.Sprintf("%x", side.Root)
		}
		out.Slots[s.String()] = shown
	}
	return out
}

// Lines describe both slots; running is the name of the one that runs, "" for none.
func (s Shown) Lines(running string) (lines []string) {
	for _, name := range []string{"a", "b"} {
		slot := s.Slots[name]
		line := fmt.Sprintf("slot %s: %s", name, slot.State)
		if name == running {
			line += ", runs"
		}
		if name == s.Default {
			line += ", default"
		}
		if slot.Left > 0 {
			line += fmt.Sprintf(", %d tries left", slot.Left)
		}
		if slot.Done > 0 {
			line += fmt.Sprintf(", %d made", slot.Done)
		}
		lines = append(lines, line)
		for _, row := range [][2]string{{"version", slot.Version}, {"root", slot.Root}, {"why", slot.Why}} {
			if row[1] != "" {
				lines = append(lines, fmt.Sprintf("  %-8s %s", row[0], row[1]))
			}
		}
	}
	if s.Reason != "" {
		lines = append(lines, "latest fall-back: "+s.Reason)
	}
	if s.Failures > 0 {
		lines = append(lines, fmt.Sprintf("failures in a row: %d", s.Failures))
	}
	return lines
}
