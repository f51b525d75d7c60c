package control

import (
	"bytes"
	"encoding/json"
	"time"

	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// Path is PID 1's socket.
const Path = "/run/clarity/control"

// Interface is the name of PID 1's varlink interface.
const Interface = "io.clarityos.Control"

// MaxRequest bounds what the server reads for one call, in bytes.
const MaxRequest = 16 << 10

// Call is one request on the wire.
type Call struct {
	Method     string          `json:"method"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Oneway     bool            `json:"oneway,omitempty"`
	More       bool            `json:"more,omitempty"`
}

// Reply answers it: Error is empty or a qualified error name.
type Reply struct {
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Error      string          `json:"error,omitempty"`
	Continues  bool            `json:"continues,omitempty"`
}

// The errors of varlink itself and of this interface.
const (
	ErrMethodNotFound   = "org.varlink.service.MethodNotFound"
	ErrInvalidParameter = "org.varlink.service.InvalidParameter"
	ErrPermission       = "org.varlink.service.PermissionDenied"
	ErrNoSuchUnit       = Interface + ".NoSuchUnit"
	ErrBusy             = Interface + ".Busy"
	ErrFailed           = Interface + ".Failed"
)

// Fault is the parameters of an error reply.
type Fault struct {
	Method    string `json:"method,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Unit      string `json:"unit,omitempty"`
	Message   string `json:"message,omitempty"`
}

// UnitArgs are the parameters of Status (Unit may be empty) and Why.
type UnitArgs struct {
	Unit string `json:"unit,omitempty"`
}

// StatusReply answers Status, List and Wait. Now is CLOCK_BOOTTIME of the
// answer in nanoseconds: the clock of every time in a View.
type StatusReply struct {
	Now     time.Duration      `json:"now"`
	Summary supervisor.Summary `json:"summary"`
	Units   []supervisor.View  `json:"units,omitempty"`
	Memory  uint64             `json:"memory,omitempty"` // bytes in the unit's cgroup, when one unit was asked for
	Tasks   uint64             `json:"tasks,omitempty"`
	Kernel  time.Duration      `json:"kernel,omitempty"` // when PID 1 was executed
	Notes   []string           `json:"notes,omitempty"`  // what PID 1 had to do without

	Watchdog string `json:"watchdog,omitempty"` // what resets the machine when PID 1 hangs, and after how long
}

// ChangeArgs are the parameters of Change.
type ChangeArgs struct {
	Verb supervisor.Verb `json:"verb"`
	Unit string          `json:"unit"`
}

// ChangeReply answers Change when the job is over.
type ChangeReply struct {
	Outcome supervisor.Outcome `json:"outcome"`
	Message string             `json:"message,omitempty"`
}

// WhyReply answers Why: lines for people.
type WhyReply struct {
	Lines []string `json:"lines"`
}

// ShutdownArgs are the parameters of Shutdown.
type ShutdownArgs struct {
	Kind supervisor.HaltKind `json:"kind"`
}

// FindingsReply answers Findings.
type FindingsReply struct {
	Findings []plan.Finding `json:"findings"`
}

// Description is the interface in varlink's own language, for introspection.
const Description = `# States and jobs of ClarityOS's PID 1. Times are nanoseconds of CLOCK_BOOTTIME.
interface io.clarityos.Control

type Summary (state: string, default: string, bootTime: ?int, up: int, failed: ?[]string, waiting: ?[]string,
  cycles: ?[]string)
type Unit (name: string, description: ?string, active: string, phase: string, since: int, enabled: bool,
  job: ?string, waitsFor: ?[]string, deadline: ?int, result: ?string, cause: ?string, status: ?string,
  mainPid: ?int, controlPid: ?int, invocation: ?int, restarts: ?int, abandoned: ?bool, queued: ?int,
  begun: ?int, up: ?int, sources: ?[]string, component: ?string)
type Finding (Unit: ?string, File: ?string, Line: ?int, Kind: string, Message: string, Security: ?bool)

# The system and, when named, one unit.
method Status(unit: ?string) -> (now: int, summary: Summary, units: ?[]Unit, memory: ?int, tasks: ?int, kernel: ?int, notes: ?[]string, watchdog: ?string)
# All units.
method List() -> (now: int, summary: Summary, units: ?[]Unit, memory: ?int, tasks: ?int, kernel: ?int, notes: ?[]string, watchdog: ?string)
# The same as Status, once the boot is complete.
method Wait() -> (now: int, summary: Summary, units: ?[]Unit, memory: ?int, tasks: ?int, kernel: ?int, notes: ?[]string, watchdog: ?string)
# start, stop, restart, reload or reset-failed; answered when the job is over.
method Change(verb: string, unit: string) -> (outcome: string, message: ?string)
method Why(unit: string) -> (lines: []string)
# What the plan's compiler could not honour.
method Findings() -> (findings: []Finding)
# poweroff, reboot or halt.
method Shutdown(kind: string) -> ()
# Compiles the units of the running root anew, in a child, and uses the new plan.
method ReloadPlan() -> ()

error NoSuchUnit (unit: string)
error Busy (message: string)
error Failed (message: string)
`

// Split cuts the first message off a buffer; ok is false when it is not
// complete yet.
func Split(buffer []byte) (message, rest []byte, ok bool) {
	i := bytes.IndexByte(buffer, 0)
	if i < 0 {
		return nil, buffer, false
	}
	return buffer[:i], buffer[i+1:], true
}

// Encode gives a message as bytes for the wire, its NUL included.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, 0), err
}
