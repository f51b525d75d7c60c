package supervisor

import (
	"time"

	"clarityos/services/plan"
)

// Token names a process, or a question asked of the driver, before the answer
// is known. Tokens are never reused.
type Token uint64

// Event is something that happened.
type Event interface{ event() }

// Verb is what a job does.
type Verb string

// The verbs of jobs and requests. Reset forgets a failure and the start limit.
const (
	VerbStart   Verb = "start"
	VerbStop    Verb = "stop"
	VerbRestart Verb = "restart"
	VerbReload  Verb = "reload"
	VerbReset   Verb = "reset-failed"
	VerbIsolate Verb = "isolate" // start this, stop everything that it does not pull in
)

// Boot asks for the plan's default unit; again, when it was not reached.
type Boot struct{}

// Request asks for a job. Client is given back in Done when the job ends; 0
// asks for no answer.
type Request struct {
	Verb   Verb
	Unit   string
	Users  bool // of a restart: all that use the unit too, as far as it was learned
	Client uint64
}

// Shutdown asks for the end: every unit is stopped, then Halt is emitted once.
type Shutdown struct{ Kind HaltKind }

// Tick lets deadlines pass; every other event does so too.
type Tick struct{}

// Checked answers Check. Unmet is "" when the conditions hold, else what does
// not; Assert says that an Assert…= line failed.
type Checked struct {
	Token  Token
	Unmet  string
	Assert bool
}

// Spawned says that the process of a Spawn exists. Until Executed follows, its
// program has not been started yet.
type Spawned struct {
	Token Token
	PID   int
}

// Executed says that the program of a Spawn runs.
type Executed struct{ Token Token }

// SpawnFailed says that there is no process for a Spawn, or that it ended
// before it could execute the program: Step is what failed, Err why.
type SpawnFailed struct {
	Token     Token
	Step, Err string
}

// Exited says how a process ended; Signal is 0 when it exited by itself.
// Populated says whether its cgroup still held a process afterwards.
type Exited struct {
	Token        Token
	Code, Signal int
	Core         bool
	Populated    bool
}

// Emptied says that the last process of a unit's cgroup has ended.
type Emptied struct{ Unit string }

// Notified carries one sd_notify datagram, parsed.
type Notified struct {
	Unit       string
	Invocation uint64
	PID        int  // of the sender, from its credentials
	Trusted    bool // it came by a way that only the service has: NotifyAccess= does not matter
	Ready      bool
	MainPID    int // 0: not said
	Status     string
	StatusSet  bool
	Extend     time.Duration // EXTEND_TIMEOUT_USEC; 0: not said
	Reloading  bool
	ReloadedAt time.Duration // MONOTONIC_USEC of RELOADING=1; 0: not said
	Stopping   bool
	Errno      int           // 0: not said
	Alive      bool          // WATCHDOG=1
	Trigger    bool          // WATCHDOG=trigger: it asks to be treated as hung
	Watchdog   time.Duration // WATCHDOG_USEC: the interval from now on; 0: not said
}

// OOMKilled says that the kernel has killed a process of the unit for want of
// memory. It comes before the Exited of that process.
type OOMKilled struct{ Unit string }

// Listened answers Listen: Err is "" when the unit's descriptors are open.
type Listened struct {
	Token Token
	Err   string
}

// Incoming says that somebody uses a socket that is watched.
type Incoming struct{ Unit string }

// FoundMain answers FindMain: PID is the service's main process, or Err says
// why it is not known (yet).
type FoundMain struct {
	Token Token
	PID   int
	Err   string
}

// Looked answers Look: Missing is the first of the marks that is not there, when not
// all are.
type Looked struct {
	Token   Token
	There   bool
	Missing string
}

// Stalled answers AskStalled: for how long at least one task has waited for a CPU since
// the kernel began, if it counts that.
type Stalled struct {
	Total   time.Duration
	Unknown bool
}

// Learned gives the order that earlier boots have taught, in the place of another one.
type Learned struct{ Order plan.Order }

func (Boot) event()        {}
func (Request) event()     {}
func (Shutdown) event()    {}
func (Tick) event()        {}
func (Checked) event()     {}
func (Spawned) event()     {}
func (Executed) event()    {}
func (SpawnFailed) event() {}
func (Exited) event()      {}
func (Emptied) event()     {}
func (Notified) event()    {}
func (FoundMain) event()   {}
func (OOMKilled) event()   {}
func (Listened) event()    {}
func (Incoming) event()    {}
func (Looked) event()      {}
func (Stalled) event()     {}
func (Learned) event()     {}
