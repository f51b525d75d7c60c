package supervisor

import (
	"fmt"
	"math"
	"slices"
	"time"

	"clarityos/services/plan"
)

// finish puts a unit down after its run, tells why, and decides what is next.
func (s *Supervisor) finish(u *unit) {
	for _, t := range []Token{u.main.token, u.control.token, u.question} {
		delete(s.tokens, t)
	}
	u.main, u.control, u.question, u.retry, u.monitor = process{}, process{}, 0, false, nil
	u.watchdog.deadline, u.runtimeEnd = 0, 0
	if u.Service != nil {
		s.stopProbes(u)
		s.unseek(u)
	}
	if u.active != 0 && s.now-u.active > steady {
		u.restarts = 0
	}
	restart, delay := u.restarting()
	restart = restart && s.halt == "" && (u.job == nil || u.job.starts())
	wanted := u.job != nil && (u.job.verb == VerbRestart || u.job.verb == VerbStart && !u.job.running)
	s.do(End{Unit: u.Unit, Invocation: u.invocation, Abandoned: u.abandoned, Again: s.halt == "" && (restart || wanted)})
	bad := u.result != Success && u.result != Unmet
	if u.active != 0 {
		u.fell = s.now
	}
	switch {
	case restart:
		u.restarts++
		if bad && s.blame(u) && u.blamed.usable() {
			delay = 0
		}
		s.enter(u, Backoff, max(delay, 1))
	case bad:
		s.enter(u, Failed, 0)
	default:
		s.enter(u, Dead, 0)
	}
	if bad {
		s.do(Record{Unit: u.Name, Priority: PriorityError, Message: fmt.Sprintf("%s failed: %s; %s", u.Name, u.cause, s.consequences(u))})
	} else if u.result == Unmet {
		s.do(Record{Unit: u.Name, Priority: PriorityInfo, Message: fmt.Sprintf("%s is skipped: %s", u.Name, u.cause)})
	}
	switch j := u.job; {
	case j == nil:
	case j.stops():
		s.stopped(u)
	case !j.running: // a start that waited for this end
	case bad:
		s.finishJob(u, OutcomeFailed, u.cause)
	case u.result == Unmet:
		s.finishJob(u, OutcomeSkipped, u.cause)
	case j.verb == VerbReload:
		s.finishJob(u, OutcomeFailed, "the unit ended")
	default:
		s.finishJob(u, OutcomeDone, "")
	}
	if u.phase == Backoff && delay == 0 && u.job == nil {
		s.restart(u)
	}
}

// restart begins the next run of a unit whose wait is over: at once if all that
// it requires is up, else with a job that starts that first.
func (s *Supervisor) restart(u *unit) {
	for _, d := range slices.Concat(u.requires, u.bindsTo) {
		if !d.phase.up() {
			s.startUnasked(u)
			return
		}
	}
	s.start(u)
}

// steady is how long a run has to last for the backoff to start anew.
const steady = 10 * time.Second

// restarting applies the restart policy to the run that just ended.
func (u *unit) restarting() (bool, time.Duration) {
	svc := u.Service
	if svc != nil && u.renew && !u.stopWanted {
		return true, delay(svc, u.restarts)
	}
	if svc == nil || u.stopWanted || u.result == StartLimit || u.result == BadUnit || u.result == Unmet || u.result == Asserted {
		return false, 0
	}
	in := func(set plan.ExitSet) bool {
		return slices.Contains(set.Codes, u.exit.code) || u.exit.signal != 0 && slices.Contains(set.Signals, u.exit.signal)
	}
	again := false
	switch svc.Restart {
	case plan.RestartAlways:
		again = true
	case plan.RestartOnSuccess:
		again = u.result == Success
	case plan.RestartOnFailure:
		again = u.result != Success
	case plan.RestartOnAbnormal:
		again = u.result != Success && u.result != ExitCode
	case plan.RestartOnWatchdog:
		again = u.result == WatchdogHit
	case plan.RestartOnAbort:
		again = u.result == BySignal || u.result == CoreDump
	}
	if in(svc.PreventRestart) {
		again = false
	}
	if in(svc.ForceRestart) {
		again = true
	}
	return again, delay(svc, u.restarts)
}

// delay is the wait before restart number n, from 0: RestartSec= or, with
// RestartSteps=, a geometric series from it to RestartMaxDelaySec=, as in
// systemd.service(5).
func delay(svc *plan.Service, n int) time.Duration {
	limit := svc.RestartMaxDelay
	if svc.RestartSteps <= 0 && limit == 0 || svc.RestartDelay == 0 {
		return svc.RestartDelay
	}
	if limit == 0 {
		limit = restartMax
	}
	steps := max(svc.RestartSteps, 1)
	if n >= steps || limit <= svc.RestartDelay {
		return max(limit, svc.RestartDelay)
	}
	ratio := float64(limit) / float64(svc.RestartDelay)
	wait := time.Duration(float64(svc.RestartDelay) * math.Pow(ratio, float64(n)/float64(steps)))
	return wait.Round(time.Millisecond)
}
