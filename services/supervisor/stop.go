package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"clarityos/services/plan"
)

// stop acts on a stop job, or on the first half of a restart, in any phase.
func (s *Supervisor) stop(u *unit) {
	u.stopWanted = true
	switch {
	case u.phase == Backoff:
		s.enter(u, Dead, 0)
		s.stopped(u)
	case u.phase.down():
		s.stopped(u)
	case u.Socket != nil:
		s.do(Close{Unit: u.Unit})
		s.end(u, Success, "")
	case u.Service == nil:
		s.enter(u, Dead, 0)
		s.stopped(u)
	case u.phase.stopping():
		// it ends by itself
	case u.phase == Checking:
		s.end(u, Success, "")
	case u.phase.up():
		s.stopping(u, true)
	default:
		s.terminate(u)
	}
}

// stopped ends a stop job, and turns a restart into its second half.
func (s *Supervisor) stopped(u *unit) {
	j := u.job
	switch {
	case j == nil || !j.stops():
	case j.verb == VerbRestart:
		j.stopped, j.running, u.queued = true, false, s.now
	default:
		s.finishJob(u, OutcomeDone, "")
	}
}

// stopping leaves an active phase, by way of ExecStop= when commands is set.
func (s *Supervisor) stopping(u *unit, commands bool) {
	s.giveUpControl(u)
	if !commands || len(u.Service.Stop) == 0 {
		s.terminate(u)
		return
	}
	s.enter(u, Stop, u.Service.TimeoutStop)
	s.runList(u, u.Service.Stop)
}

// giveUpControl ends what goes on beside the main process, for when the run is
// about to end.
func (s *Supervisor) giveUpControl(u *unit) {
	s.stopProbes(u)
	s.dropControl(u)
}

// dropControl kills and forgets a command that still runs, such as a reload
// when a stop comes.
func (s *Supervisor) dropControl(u *unit) {
	if u.control.alive {
		s.do(Signal{Unit: u.Unit, Token: u.control.token, Sig: int(syscall.SIGKILL)})
	}
	delete(s.tokens, u.control.token)
	u.control = process{}
}

// cleansUp says whether a stop is over only when the cgroup is empty.
func (u *unit) cleansUp() bool {
	return u.Service.KillMode == plan.KillControlGroup || u.Service.KillMode == plan.KillMixed
}

// terminate sends the unit's processes their signal and waits for their end.
func (s *Supervisor) terminate(u *unit) { s.wind(u, StopTerm, u.Service.TimeoutStop) }

// abort is terminate with WatchdogSignal=.
func (s *Supervisor) abort(u *unit) {
	limit := u.Service.TimeoutAbort
	if limit == 0 {
		limit = u.Service.TimeoutStop
	}
	s.wind(u, StopAbort, limit)
}

func (s *Supervisor) wind(u *unit, p Phase, limit time.Duration) {
	svc := u.Service
	s.enter(u, p, limit)
	s.stopProbes(u)
	delete(s.tokens, u.question)
	u.question, u.retry, u.watchdog.deadline, u.runtimeEnd = 0, false, 0, 0
	if !s.settle(u) {
		s.signal(u, u.stopSignal())
		if svc.SendSIGHUP && p == StopTerm {
			s.signal(u, int(syscall.SIGHUP))
		}
	}
}

// stopSignal is what the processes of a unit that is being ended are sent.
func (u *unit) stopSignal() int {
	svc := u.Service
	switch {
	case u.phase == StopAbort && svc.WatchdogSignal != 0:
		return svc.WatchdogSignal
	case u.phase == StopAbort:
		return int(syscall.SIGABRT)
	case svc.RestartKillSignal != 0 && u.job != nil && u.job.verb == VerbRestart:
		return svc.RestartKillSignal
	}
	return svc.KillSignal
}

// giveUp ends a service that took too long, in the way that it asks for.
func (s *Supervisor) giveUp(u *unit, mode plan.FailureMode) {
	switch mode {
	case plan.FailAbort:
		s.abort(u)
	case plan.FailKill:
		s.stopProbes(u)
		s.kill(u, StopKill)
	default:
		s.terminate(u)
	}
}

// signal sends sig to whom KillMode= names.
func (s *Supervisor) signal(u *unit, sig int) {
	if u.Service.KillMode == plan.KillControlGroup {
		s.do(SignalAll{Unit: u.Unit, Sig: sig})
		return
	}
	for _, p := range []process{u.main, u.control} {
		if p.alive {
			s.do(Signal{Unit: u.Unit, Token: p.token, Sig: sig})
		}
	}
}

// settle goes on with a stop when nothing is left to wait for, and tells so.
func (s *Supervisor) settle(u *unit) bool {
	if u.main.alive || u.control.alive {
		if u.Service.KillMode != plan.KillNone {
			return false
		}
	} else if u.populated {
		switch u.Service.KillMode {
		case plan.KillControlGroup:
			return false
		case plan.KillMixed:
			if u.phase == StopTerm || u.phase == StopAbort {
				s.kill(u, StopKill)
			}
			return false
		}
	}
	switch u.phase {
	case StopTerm, StopAbort, StopKill:
		s.enter(u, StopPost, u.Service.TimeoutStop)
		s.runList(u, u.Service.StopPost)
	case FinalKill:
		s.finish(u)
	}
	return true
}

// kill ends what is left of a unit without asking, and waits for its end.
func (s *Supervisor) kill(u *unit, p Phase) {
	if !u.Service.SendSIGKILL {
		s.abandon(u, "and SendSIGKILL=no forbids to kill it")
		return
	}
	limit := u.Service.TimeoutStop
	if limit > killMost {
		limit = killMost
	}
	s.enter(u, p, limit)
	if u.cleansUp() && u.Service.FinalSignal == int(syscall.SIGKILL) {
		s.do(Kill{Unit: u.Unit})
		return
	}
	if u.cleansUp() {
		s.do(SignalAll{Unit: u.Unit, Sig: u.Service.FinalSignal})
		return
	}
	s.signal(u, u.Service.FinalSignal)
}

// abandon gives up on processes that do not die.
func (s *Supervisor) abandon(u *unit, why string) {
	u.abandoned = true
	s.fail(u, Timeout, "something of it is still there "+why)
	s.finish(u)
}

// More bounds that no unit can change.
const (
	killMost    = 30 * time.Second // for a killed process to be gone
	pidFileMost = 90 * time.Second // for a PID file, when the start has no bound
)

// expired acts on the deadline of the unit's phase.
func (s *Supervisor) expired(u *unit) {
	svc := u.Service
	switch u.phase {
	case Opening:
		s.closeSocket(u, Timeout, fmt.Sprintf("its descriptors were not open within %v", openLimit))
	case Checking:
		s.end(u, Timeout, fmt.Sprintf("its conditions were not checked within %v", checkLimit))
	case Condition, StartPre, Start, StartName, StartPost, Gated:
		if u.retry {
			u.retry = false
			if u.retryLimit > s.now {
				u.deadline = u.retryLimit
				s.findMain(u)
				return
			}
			s.fail(u, Timeout, fmt.Sprintf("no main process within %v: %s", svc.TimeoutStart, u.noMain))
			s.terminate(u)
			return
		}
		s.fail(u, Timeout, fmt.Sprintf("%s took longer than %v (%s)", u.phase, svc.TimeoutStart, u.doing()))
		s.giveUp(u, svc.StartFailureMode)
	case Reloading:
		s.dropControl(u)
		s.failReload(u, fmt.Sprintf("the reload took longer than %v and was given up", svc.TimeoutStart))
	case Stop:
		s.fail(u, Timeout, fmt.Sprintf("ExecStop= took longer than %v", svc.TimeoutStop))
		s.giveUp(u, svc.StopFailureMode)
	case StopTerm, StopAbort:
		s.fail(u, Timeout, fmt.Sprintf("it did not end within %v after signal %d", svc.TimeoutStop, u.stopSignal()))
		if u.phase == StopTerm && svc.StopFailureMode == plan.FailAbort {
			s.abort(u)
			return
		}
		s.kill(u, StopKill)
	case StopPost:
		s.fail(u, Timeout, fmt.Sprintf("ExecStopPost= took longer than %v", svc.TimeoutStop))
		s.kill(u, FinalKill)
	case StopKill, FinalKill:
		s.abandon(u, "although it was killed")
	case Backoff:
		switch {
		case u.job != nil: // it ends the wait when its turn comes
		case u.blamed != nil && u.blamed.awaited() && s.now < u.since+recovers:
			u.deadline = u.since + recovers
		default:
			s.restart(u)
		}
	}
}

// doing says what the unit's process of the moment is, for people.
func (u *unit) doing() string {
	if u.phase == Gated {
		return "waiting for a good probe; the last one: " + u.health.cause
	}
	if u.step < len(u.list) && (u.control.alive || u.phase == Start) {
		return strings.Join(u.list[u.step].Argv, " ")
	}
	return string(u.phase)
}

// shutdown stops everything, and the components after all services that none of
// them stands after. So no cycle of waits can come about: from such a service
// the order leads to no component.
func (s *Supervisor) shutdown(kind HaltKind) {
	if s.halt != "" {
		s.halt = kind
		return
	}
	s.halt, s.haltLimit, s.haltTell = kind, s.now+ShutdownLimit, s.now+haltTellFirst
	s.do(Record{Priority: PriorityNotice, Message: fmt.Sprintf("going down: %s", kind)})
	for _, u := range s.units {
		if u.phase.rests() && u.job == nil {
			continue
		}
		s.addJob(u, VerbStop, 0)
		u.job.deadline = 0 // a shutdown has a bound of its own
	}
}

// Halting says whether a shutdown is under way.
func (s *Supervisor) Halting() bool { return s.halt != "" }

func (s *Supervisor) finishHalt() {
	if s.halted {
		return
	}
	s.halted = true
	s.do(Halt{Kind: s.halt, Left: s.notDown()})
}

// notDown names the services that are neither down nor wait for others to be.
func (s *Supervisor) notDown() []string {
	var left []string
	for _, u := range s.units {
		if u.Service == nil || u.phase.down() || u.job != nil && !u.job.running {
			continue
		}
		text := fmt.Sprintf("%s (%s for %v", u.Name, u.phase, (s.now - u.since).Round(time.Second))
		if u.deadline > 0 {
			text += fmt.Sprintf(", at most %v more", (u.deadline - s.now).Round(time.Second))
		}
		left = append(left, text+")")
	}
	slices.Sort(left)
	return left
}
