package supervisor

import "clarityos/services/plan"

// Action is something for the driver to do. Actions are carried out in order;
// none of them waits.
type Action interface{ action() }

// Role is what a process is to its unit.
type Role string

// The roles of processes.
const (
	RoleMain    Role = "main"
	RoleControl Role = "control"
	RoleProbe   Role = "probe"
)

// Check asks whether conditions hold; Checked answers.
type Check struct {
	Unit       *plan.Unit
	Token      Token
	Conditions []plan.Condition
}

// Spawn asks for a process; Spawned and Executed, or SpawnFailed, answer. All
// processes of one Invocation share a cgroup, a log pipe and a notify socket.
type Spawn struct {
	Unit       *plan.Unit
	Token      Token
	Invocation uint64
	Role       Role
	Command    *plan.Command // nil: Probe
	Probe      *plan.Probe   // of RoleProbe
	Env        []string      // MAINPID=, SERVICE_RESULT= and their kin
	Favoured   bool          // it goes before others at CPU and disk, until Unfavour
}

// Unfavour has the processes of a unit that was favoured be like others.
type Unfavour struct{ Unit *plan.Unit }

// FindMain asks for the main process of a forking service: the pid in PIDFile
// or, when that is "", the only process of the cgroup. FoundMain answers. From
// then on the driver reports the end of that process under Token. With PID set
// the service named its main process itself, and no answer is needed.
type FindMain struct {
	Unit    *plan.Unit
	Token   Token
	PIDFile string
	PID     int
}

// Signal sends a signal to one process of a unit, if it is still there. Unit is
// nil when the process belongs to a run that is over.
type Signal struct {
	Unit  *plan.Unit
	Token Token
	Sig   int
}

// SignalAll sends a signal to every process of a unit's cgroup.
type SignalAll struct {
	Unit *plan.Unit
	Sig  int
}

// Listen opens the descriptors of a socket; Listened answers.
type Listen struct {
	Unit  *plan.Unit
	Token Token
}

// Watch has Incoming told, once, when a socket is used, or no longer.
type Watch struct {
	Unit *plan.Unit
	On   bool
}

// Close closes the descriptors of a socket.
type Close struct{ Unit *plan.Unit }

// Kill ends everything in the unit's cgroup at once.
type Kill struct{ Unit *plan.Unit }

// End releases what an invocation held. Abandoned: its cgroup still has
// processes that cannot be killed, and the next one gets another cgroup.
type End struct {
	Unit       *plan.Unit
	Invocation uint64
	Abandoned  bool
	Again      bool // another run follows: RuntimeDirectoryPreserve=restart
}

// Look asks whether what others need of a unit is there; Looked answers.
type Look struct {
	Unit  *plan.Unit
	Token Token
	Marks []plan.Mark
}

// AskStalled asks how long tasks have waited for CPUs; Stalled answers.
type AskStalled struct{}

// Record is a line for the log and, by priority, the console. Priority is
// syslog's, 0 to 7.
type Record struct {
	Unit     string
	Priority int
	Message  string
}

// The priorities in use.
const (
	PriorityError   = 3
	PriorityWarning = 4
	PriorityNotice  = 5
	PriorityInfo    = 6
)

// Changed says that a unit has gone from one phase to another.
type Changed struct {
	Unit     string
	From, To Phase
	Result   Result // of the run that ended, when To is Dead, Failed or Backoff
	Cause    string
}

// Health says what the probes of a unit amount to from now on; Cause is what the
// last failed one said.
type Health struct {
	Unit  string
	State HealthState
	Cause string
}

// Outcome is how a job ended.
type Outcome string

// The outcomes of jobs.
const (
	OutcomeDone       Outcome = "done"
	OutcomeSkipped    Outcome = "skipped"    // a condition was not met
	OutcomeFailed     Outcome = "failed"     // the unit failed
	OutcomeDependency Outcome = "dependency" // something that it requires failed
	OutcomeCanceled   Outcome = "canceled"   // another job took its place
	OutcomeRefused    Outcome = "refused"    // the request made no sense now
	OutcomeTimeout    Outcome = "timeout"    // JobTimeoutSec= has passed
)

// Done answers a Request.
type Done struct {
	Client  uint64
	Unit    string
	Outcome Outcome
	Message string
}

// BootDone says that every job of the boot has ended; it comes once for each Boot.
type BootDone struct{}

// HaltKind is how the machine ends.
type HaltKind string

// The ways to end.
const (
	PowerOff HaltKind = "poweroff"
	Reboot   HaltKind = "reboot"
	JustHalt HaltKind = "halt"
)

// Halt says that units are down, or that ShutdownLimit has passed: Left names
// those that are not.
type Halt struct {
	Kind HaltKind
	Left []string
}

func (Check) action()      {}
func (Look) action()       {}
func (Spawn) action()      {}
func (AskStalled) action() {}
func (Unfavour) action()   {}
func (FindMain) action()   {}
func (Signal) action()     {}
func (SignalAll) action()  {}
func (Kill) action()       {}
func (Listen) action()     {}
func (Watch) action()      {}
func (Close) action()      {}
func (End) action()        {}
func (Record) action()     {}
func (Changed) action()    {}
func (Health) action()     {}
func (Done) action()       {}
func (BootDone) action()   {}
func (Halt) action()       {}
