package supervisor

// Phase is where a unit is in its life; see the package's essay.
type Phase string

// The phases.
const (
	Dead      Phase = "dead"
	Failed    Phase = "failed"
	Checking  Phase = "checking"
	Condition Phase = "condition"
	StartPre  Phase = "start-pre"
	Start     Phase = "start"
	StartName Phase = "start-name" // of Type=dbus: its name is awaited on the bus
	StartPost Phase = "start-post"
	Gated     Phase = "start-health" // its first good probe is awaited
	Opening   Phase = "opening"      // of a socket
	Listening Phase = "listening"
	Running   Phase = "running"
	Finished  Phase = "exited"
	Reloading Phase = "reload"
	Stop      Phase = "stop"
	StopAbort Phase = "stop-watchdog"
	StopTerm  Phase = "stop-sigterm"
	StopKill  Phase = "stop-sigkill"
	StopPost  Phase = "stop-post"
	FinalKill Phase = "final-sigkill"
	Backoff   Phase = "auto-restart"
)

// Active says in systemd's words what a phase amounts to: inactive, failed,
// activating, active, reloading or deactivating.
func (p Phase) Active() string {
	switch p {
	case Dead:
		return "inactive"
	case Failed:
		return "failed"
	case Running, Finished, Listening:
		return "active"
	case Reloading:
		return "reloading"
	case Stop, StopAbort, StopTerm, StopKill, StopPost, FinalKill:
		return "deactivating"
	}
	return "activating"
}

func (p Phase) up() bool       { return p == Running || p == Finished || p == Reloading || p == Listening }
func (p Phase) down() bool     { return p == Dead || p == Failed || p == Backoff }
func (p Phase) rests() bool    { return p == Dead || p == Failed } // nothing comes by itself, as it does after Backoff
func (p Phase) stopping() bool { return p.Active() == "deactivating" }

// Result is how a unit's latest run ended, in systemd's words.
type Result string

// The results.
const (
	Success      Result = "success"
	ExitCode     Result = "exit-code"
	BySignal     Result = "signal"
	CoreDump     Result = "core-dump"
	Timeout      Result = "timeout"
	Protocol     Result = "protocol" // it ended or forked in a way that its type does not allow
	StartLimit   Result = "start-limit-hit"
	Resources    Result = "resources"      // a process could not be made
	BadUnit      Result = "bad-unit"       // the plan says why it can never start
	Unmet        Result = "exec-condition" // a condition was not met: no failure
	Asserted     Result = "assert"         // an assertion was not met
	Dependency   Result = "dependency"     // something that it requires failed
	WatchdogHit  Result = "watchdog"       // it did not say WATCHDOG=1 in time
	OutOfMemory  Result = "oom-kill"
	Unhealthy    Result = "unhealthy"         // its probe failed too often
	TriggerLimit Result = "trigger-limit-hit" // its socket was used too often in too little time
)
