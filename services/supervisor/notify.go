package supervisor

import (
	"fmt"
	"syscall"
	"time"

	"clarityos/services/plan"
)

// unheardMost bounds what is kept until its sender is known.
const unheardMost = 16

// stranger keeps what a process said that is none of the unit's, as far as is
// known: a service may well speak before PID 1 hears that its fork returned.
func (s *Supervisor) stranger(u *unit, e Notified) {
	unnamed := u.main.alive && u.main.pid == 0 || u.control.alive && u.control.pid == 0
	if unnamed && len(u.unheard) < unheardMost {
		u.unheard = append(u.unheard, e)
	}
}

func (s *Supervisor) notified(e Notified) {
	u := s.byName[e.Unit]
	if u == nil || u.Service == nil || e.Invocation != u.invocation || u.phase.down() {
		return
	}
	access := u.Service.NotifyAccess
	if e.Trusted {
		access = "all"
	}
	switch access {
	case "all":
	case "exec":
		if e.PID != u.main.pid && e.PID != u.control.pid {
			s.stranger(u, e)
			return
		}
	case "main":
		if e.PID != u.main.pid {
			s.stranger(u, e)
			return
		}
	default:
		return
	}
	if e.StatusSet {
		u.status = e.Status
	}
	if e.Errno != 0 {
		u.errno = e.Errno
	}
	if e.Extend > 0 {
		for _, d := range []*time.Duration{&u.deadline, &u.runtimeEnd} {
			if *d != 0 {
				*d = max(*d, s.now+e.Extend)
			}
		}
	}
	if e.Watchdog > 0 && u.Service.Watchdog > 0 {
		u.watchdog.interval = e.Watchdog
	}
	if (e.Alive || e.Watchdog > 0) && u.watchdog.deadline != 0 {
		s.feed(u)
	}
	if e.MainPID > 0 && e.MainPID != u.main.pid && (u.phase == Start || u.phase.up()) {
		delete(s.tokens, u.main.token)
		u.main = process{token: s.token(u), pid: e.MainPID, alive: true}
		s.do(FindMain{Unit: u.Unit, Token: u.main.token, PID: e.MainPID})
	}
	notifies := u.Service.Type == plan.Notify || u.Service.Type == plan.Reloads
	switch {
	case e.Trigger:
		s.hung(u, "it said WATCHDOG=trigger")
	case e.Stopping && u.phase == Running:
		s.enter(u, StopTerm, u.Service.TimeoutStop)
	case e.Reloading && u.phase == Running:
		s.enter(u, Reloading, u.Service.TimeoutStart)
		u.reload = reload{ready: true, told: true}
	case e.Reloading && u.phase == Reloading:
		u.reload.told = u.reload.told || e.ReloadedAt == 0 || e.ReloadedAt >= u.reload.asked
	case e.Ready && u.phase == Start && notifies:
		s.startPost(u)
	case e.Ready && u.phase == Reloading && u.reload.ready && u.reload.told:
		u.reload.ready = false
		s.reloaded(u)
	}
}

// reload is what a reload still waits for.
type reload struct {
	commands bool          // ExecReload= runs
	ready    bool          // READY=1 is awaited, after RELOADING=1
	told     bool          // RELOADING=1 has been said
	asked    time.Duration // when the signal was sent
}

// reloads says whether there is a way to reload the unit.
func (u *unit) reloads() bool {
	return u.Service != nil && (len(u.Service.Reload) > 0 || u.Service.Type == plan.Reloads)
}

// beginReload acts on a reload job: the signal of Type=notify-reload, then
// ExecReload=.
func (s *Supervisor) beginReload(u *unit) {
	s.enter(u, Reloading, u.Service.TimeoutStart)
	u.reload = reload{commands: true, asked: s.now}
	if u.Service.Type == plan.Reloads && u.main.alive {
		u.reload.ready = true
		sig := u.Service.ReloadSignal
		if sig == 0 {
			sig = int(syscall.SIGHUP)
		}
		s.do(Signal{Unit: u.Unit, Token: u.main.token, Sig: sig})
	}
	s.runList(u, u.Service.Reload)
}

// reloaded ends a reload when nothing of it is left to wait for.
func (s *Supervisor) reloaded(u *unit) {
	if !u.reload.commands && !u.reload.ready {
		s.endReload(u, OutcomeDone, "")
	}
}

func (s *Supervisor) endReload(u *unit, o Outcome, message string) {
	u.reload = reload{}
	s.enter(u, Running, 0)
	if u.job != nil && u.job.verb == VerbReload {
		s.finishJob(u, o, message)
	}
	if !u.main.alive && u.main.token != 0 {
		s.mainGone(u)
	}
}

// failReload tells why a reload came to nothing; the service goes on as it is.
func (s *Supervisor) failReload(u *unit, why string) {
	s.do(Record{Unit: u.Name, Priority: PriorityWarning, Message: fmt.Sprintf("%s: %s", u.Name, why)})
	s.endReload(u, OutcomeFailed, why)
}
