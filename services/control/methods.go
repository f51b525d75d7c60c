package control

import (
	"time"

	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

// Path is PID 1's socket.
const Path = "/run/clarity/control"

// Interface is the name of PID 1's varlink interface.
const Interface = "io.clarityos.Control"

// MaxRequest bounds what the server reads for one call, in bytes.
const MaxRequest = 16 << 10

// The errors of this interface, beside varlink's own. Their parameters are a
// Fault.
const (
	ErrNoSuchUnit = Interface + ".NoSuchUnit"
	ErrFailed     = Interface + ".Failed"
)

// Fault is the parameters of an error reply.
type Fault struct {
	varlink.Fault
	Unit string `json:"unit,omitempty"`
}

// UnitArgs are the parameters of Status (Unit may be empty) and Why.
type UnitArgs struct {
	Unit string `json:"unit,omitempty"`
}

// StatusReply answers Status, List and Wait. Now is CLOCK_BOOTTIME of the
// answer in nanoseconds: the clock of every time in a View.
type StatusReply struct {
	Now     time.Duration            `json:"now"`
	Summary supervisor.Summary       `json:"summary"`
	Units   []supervisor.View        `json:"units,omitempty"`
	Memory  uint64                   `json:"memory,omitempty"` // bytes in the unit's cgroup, when one unit was asked for
	Tasks   uint64                   `json:"tasks,omitempty"`
	Kernel  time.Duration            `json:"kernel,omitempty"`  // when PID 1 was executed
	Started map[string]time.Duration `json:"started,omitempty"` // of List: CPU time that a unit had used when it was up
	Notes   []string                 `json:"notes,omitempty"`   // what PID 1 had to do without

	Watchdog string `json:"watchdog,omitempty"` // what resets the machine when PID 1 hangs, and after how long
}

// ChangeArgs are the parameters of Change.
type ChangeArgs struct {
	Verb supervisor.Verb `json:"verb"`
	Unit string          `json:"unit"`
	// Users has a restart restart all that use the unit too, as far as it was learned.
	Users bool `json:"users,omitempty"`
}

// ChangeReply answers Change when the job is over.
type ChangeReply struct {
	Outcome supervisor.Outcome `json:"outcome"`
	Message string             `json:"message,omitempty"`
}

// WhyReply answers Why: lines for people, and what the unit (or, without one,
// whatever is under way) waits for in the end.
type WhyReply struct {
	Lines   []string          `json:"lines"`
	Holding []supervisor.Hold `json:"holding,omitempty"`
}

// ShutdownArgs are the parameters of Shutdown.
type ShutdownArgs struct {
	Kind supervisor.HaltKind `json:"kind"`
}

// FindingsReply answers Findings.
type FindingsReply struct {
	Findings []plan.Finding `json:"findings"`
}

// Usage is what a unit's cgroup has used. Sizes are bytes; times are CPU time.
type Usage struct {
	Unit       string        `json:"unit"`
	Cgroup     string        `json:"cgroup"` // below /sys/fs/cgroup
	Memory     uint64        `json:"memory"`
	MemoryPeak uint64        `json:"memoryPeak"`
	Swap       uint64        `json:"swap"`
	Tasks      uint64        `json:"tasks"`
	CPU        time.Duration `json:"cpu"`
	Read       uint64        `json:"read"` // from block devices
	Written    uint64        `json:"written"`
	Reads      uint64        `json:"reads"` // operations
	Writes     uint64        `json:"writes"`
	OOMKills   uint64        `json:"oomKills"`
}

// UsageReply answers Usage: of every unit that has a cgroup, sorted by name. At
// is when it was read.
type UsageReply struct {
	At    time.Duration `json:"at"`
	Units []Usage       `json:"units"`
}

// ShowReply answers Show: all there is to know about one unit.
type ShowReply struct {
	Now   time.Duration   `json:"now"`
	View  supervisor.View `json:"view"`
	Unit  *plan.Unit      `json:"unit"`            // as it is in the plan in use
	Usage *Usage          `json:"usage,omitempty"` // nil: it has no cgroup
	Live  []plan.Setting  `json:"live,omitempty"`  // by SetProperty
}

// UnitRelations are one unit's.
type UnitRelations struct {
	Name string `json:"name"`
	plan.Relations
}

// RelationsReply answers Relations: of every unit, sorted by name.
type RelationsReply struct {
	Units []UnitRelations `json:"units"`
}

// KillArgs are the parameters of Kill. Who is all (the whole cgroup), main or
// control.
type KillArgs struct {
	Unit   string `json:"unit"`
	Signal int    `json:"signal"` // 1 to 64
	Who    string `json:"who"`
}

// SetPropertyArgs are the parameters of SetProperty. Reset forgets what was set
// before.
type SetPropertyArgs struct {
	Unit     string         `json:"unit"`
	Settings []plan.Setting `json:"settings,omitempty"`
	Reset    bool           `json:"reset,omitempty"`
}

// EventsArgs are the parameters of Events.
type EventsArgs struct {
	Unit string `json:"unit,omitempty"` // "": of all
	Last int    `json:"last,omitempty"` // only so many of what is kept; 0: all
}

// EventsReply answers Events. Lost is how many before these the caller was not
// told, since it had not read enough.
type EventsReply struct {
	Events []Event `json:"events"`
	Lost   uint64  `json:"lost,omitempty"`
}

// Event is something that happened to a unit, or to the system when Unit is "".
// Kind says which of the other fields count.
type Event struct {
	Seq      uint64                 `json:"seq"` // counts from 1
	At       time.Duration          `json:"at"`  // CLOCK_BOOTTIME
	Unit     string                 `json:"unit,omitempty"`
	Kind     EventKind              `json:"kind"`
	From     supervisor.Phase       `json:"from,omitempty"`
	To       supervisor.Phase       `json:"to,omitempty"`
	Result   supervisor.Result      `json:"result,omitempty"`
	Outcome  supervisor.Outcome     `json:"outcome,omitempty"`
	Health   supervisor.HealthState `json:"health,omitempty"`
	Priority int                    `json:"priority,omitempty"` // of a message; syslog's
	Message  string                 `json:"message,omitempty"`
}

// EventKind tells events apart.
type EventKind string

// The kinds of events.
const (
	EventPhase   EventKind = "phase"   // From, To, Result; Message is the cause
	EventHealth  EventKind = "health"  // Health; Message is what the last failed probe said
	EventJob     EventKind = "job"     // a job that somebody asked for has ended: Outcome, Message
	EventMessage EventKind = "message" // PID 1 said something: Priority, Message
)
