package plan

import "time"

// Unit is a service, a socket, a slice or a target. A target has none of
// Service, Socket and Slice; the others have exactly one of them.
type Unit struct {
	Name        string
	Description string   `json:",omitempty"`
	Sources     []string `json:",omitempty"` // the unit file and its drop-ins, in order
	Broken      string   `json:",omitempty"` // why the unit cannot be started at all

	Relations
	Enabled bool `json:",omitempty"` // asked for by the image or by a link in a .wants folder

	Conditions    []Condition   `json:",omitempty"`
	StartLimit    StartLimit    `json:",omitzero"`
	FailureAction HaltAction    `json:",omitzero"`
	SuccessAction HaltAction    `json:",omitzero"`
	JobTimeout    time.Duration `json:",omitempty"` // of a job, from when it was asked for; 0: none
	JobAction     HaltAction    `json:",omitzero"`  // when JobTimeout passes

	RefuseStart      bool `json:",omitempty"` // RefuseManualStart=
	RefuseStop       bool `json:",omitempty"` // RefuseManualStop=
	AllowIsolate     bool `json:",omitempty"`
	IgnoreOnIsolate  bool `json:",omitempty"`
	StopWhenUnneeded bool `json:",omitempty"`

	Service *Service `json:",omitempty"`
	Socket  *Socket  `json:",omitempty"`
	Slice   *Slice   `json:",omitempty"`
}

// Relations are what a unit has to do with others, in the words of
// systemd.unit(5). Each list is sorted and names units of the plan only; what
// that manual page lets the other side say (Before=, PropagatesStopTo=, …) is
// turned round by the compiler.
type Relations struct {
	Wants     []string `json:",omitempty"`
	Requires  []string `json:",omitempty"`
	Requisite []string `json:",omitempty"`
	BindsTo   []string `json:",omitempty"`
	PartOf    []string `json:",omitempty"`
	Upholds   []string `json:",omitempty"`
	Conflicts []string `json:",omitempty"`
	After     []string `json:",omitempty"`
	OnFailure []string `json:",omitempty"`
	OnSuccess []string `json:",omitempty"`

	PropagatesReloadTo []string `json:",omitempty"`
	StopPropagatedFrom []string `json:",omitempty"`

	SoftAfter []SoftAfter `json:",omitempty"`
}

// SoftAfter is an order that gives way: the unit starts after Unit, but waits
// for it no longer than Limit.
type SoftAfter struct {
	Unit  string
	Limit time.Duration
}

// softLeast and softMost bound what SoftFor gives.
const softLeast, softMost = 10 * time.Second, 30 * time.Second

// SoftFor is how long it is reasonable to wait for a unit whose start usually takes
// span, 0 when that is not known.
func SoftFor(span time.Duration) time.Duration {
	return min(max(4*span, softLeast), softMost)
}

// StartLimit is how often a unit may be started: Burst times in Interval.
// A zero Burst or Interval means without limit.
type StartLimit struct {
	Interval time.Duration `json:",omitempty"`
	Burst    int           `json:",omitempty"`
	Action   HaltAction    `json:",omitzero"`
}

// HaltAction is what an end or a failure does to the machine: "" nothing, else
// poweroff, reboot or halt, in order or, with Force, without stopping units.
type HaltAction struct {
	Kind  string `json:",omitempty"`
	Force bool   `json:",omitempty"`
}

// Condition is one Condition…= or Assert…= line.
type Condition struct {
	Kind    string // the directive's name after Condition or Assert, e.g. "PathExists"
	Value   string
	Not     bool   `json:",omitempty"` // "!": must not hold
	Trigger bool   `json:",omitempty"` // "|": one of the triggering ones suffices
	Assert  bool   `json:",omitempty"` // failing it fails the start instead of skipping it
	Source  string `json:",omitempty"` // file:line
}

// Slice is a slice unit: limits for all that is below it.
type Slice struct {
	Cgroup []Setting `json:",omitempty"`
}

// Setting is a file of a cgroup and what is written to it.
type Setting struct{ File, Value string }

// Kind is service, socket, slice or target.
func (u *Unit) Kind() string {
	switch {
	case u.Service != nil:
		return "service"
	case u.Socket != nil:
		return "socket"
	case u.Slice != nil:
		return "slice"
	}
	return "target"
}
