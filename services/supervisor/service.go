package supervisor

import (
	"fmt"
	"strconv"
	"syscall"

	"clarityos/services/plan"
)

// start begins a run of a unit that is down.
func (s *Supervisor) start(u *unit) {
	u.result, u.cause, u.status, u.begun, u.active = Success, "", "", s.now, 0
	u.main, u.control, u.populated, u.retryLimit, u.abandoned = process{}, process{}, false, 0, false
	u.exit, u.unheard, u.errno, u.renew, u.blamed = verdict{code: -1}, nil, 0, false, nil
	u.watchdog, u.runtimeEnd, u.reload, u.health = watchdog{}, 0, reload{}, health{state: u.health.state}
	s.setHealth(u, u.unprobed())
	if u.Service != nil {
		u.watchdog.interval = u.Service.Watchdog
	}
	if u.Broken != "" {
		s.end(u, BadUnit, u.Broken)
		return
	}
	if l := u.StartLimit; l.Burst > 0 && l.Interval > 0 {
		for len(u.starts) > 0 && s.now-u.starts[0] >= l.Interval {
			u.starts = u.starts[1:]
		}
		if len(u.starts) >= l.Burst {
			u.stopWanted = true
			s.end(u, StartLimit, fmt.Sprintf("it was started %d times within %v", len(u.starts), l.Interval))
			return
		}
		u.starts = append(u.starts, s.now)
	}
	if lacking := u.lacking(); lacking != "" {
		s.end(u, Dependency, lacking)
		return
	}
	s.lastInvocation++
	u.invocation = s.lastInvocation
	if len(u.Conditions) > 0 {
		s.enter(u, Checking, checkLimit)
		u.question = s.token(u)
		s.do(Check{Unit: u.Unit, Token: u.question, Conditions: u.Conditions})
		return
	}
	s.conditionsHold(u)
}

func (s *Supervisor) conditionsHold(u *unit) {
	switch {
	case u.Socket != nil:
		s.open(u)
		return
	case u.Service == nil:
		s.up(u, Running)
		return
	}
	s.enter(u, Condition, u.Service.TimeoutStart)
	s.runList(u, u.Service.Condition)
}

func (s *Supervisor) checked(e Checked) {
	u := s.answered(e.Token)
	if u == nil {
		return
	}
	switch {
	case e.Unmet == "":
		s.conditionsHold(u)
	case e.Assert:
		s.end(u, Asserted, "assertion not met: "+e.Unmet)
	default:
		s.end(u, Unmet, "condition not met: "+e.Unmet)
	}
}

// answered gives the unit whose open question has the token, and closes it.
func (s *Supervisor) answered(t Token) *unit {
	u := s.tokens[t]
	delete(s.tokens, t)
	if u == nil || u.question != t {
		return nil
	}
	u.question = 0
	return u
}

// runList runs the commands of a phase one after another, then goes on.
func (s *Supervisor) runList(u *unit, list []plan.Command) {
	u.list, u.step = list, 0
	s.runNext(u)
}

func (s *Supervisor) runNext(u *unit) {
	if u.step == len(u.list) {
		s.listDone(u)
		return
	}
	role := RoleControl
	if u.phase == Start {
		role = RoleMain
	}
	s.spawn(u, role, &u.list[u.step])
}

func (s *Supervisor) spawn(u *unit, role Role, c *plan.Command) {
	p := process{token: s.token(u), alive: true}
	if role == RoleMain {
		u.main = p
	} else {
		u.control = p
	}
	a := Spawn{Unit: u.Unit, Token: p.token, Invocation: u.invocation, Role: role, Command: c}
	if u.main.alive && u.main.pid > 0 && role == RoleControl {
		a.Env = append(a.Env, "MAINPID="+strconv.Itoa(u.main.pid))
	}
	if u.phase == Stop || u.phase == StopPost {
		a.Env = append(a.Env, u.exit.environment("EXIT_CODE=", "EXIT_STATUS=")...)
		a.Env = append(a.Env, "SERVICE_RESULT="+string(u.result))
	}
	a.Env = append(a.Env, u.monitor...)
	if role == RoleMain && u.watchdog.interval > 0 {
		a.Env = append(a.Env, "WATCHDOG_USEC="+strconv.FormatInt(u.watchdog.interval.Microseconds(), 10))
	}
	u.populated = true
	if u.favoured == 0 && s.critical(u) {
		u.favoured = s.now + favouredMost
	}
	a.Favoured = u.favoured > 0
	s.do(a)
}

// listDone goes on after the last command of a phase.
func (s *Supervisor) listDone(u *unit) {
	svc := u.Service
	switch u.phase {
	case Condition:
		s.enter(u, StartPre, svc.TimeoutStart)
		s.runList(u, svc.StartPre)
	case StartPre:
		s.enter(u, Start, svc.TimeoutStart)
		s.runList(u, svc.Start)
	case Start, StartName: // every ExecStart= of a oneshot has succeeded; the name is on the bus
		s.startPost(u)
	case StartPost:
		switch {
		case svc.Health != nil && svc.Health.Gate && (u.main.alive || u.populated):
			s.enter(u, Gated, svc.TimeoutStart)
			s.startProbes(u)
		case u.main.alive:
			s.up(u, Running)
		case svc.Type == plan.Forking && u.populated && u.main.token == 0:
			s.up(u, Running) // its main process is not known, but it lives
		case svc.RemainAfterExit:
			s.up(u, Finished)
		default:
			s.up(u, Running)
			s.stopping(u, true)
		}
	case Reloading:
		u.reload.commands = false
		s.reloaded(u)
	case Stop:
		s.terminate(u)
	case StopPost:
		if u.populated && u.cleansUp() {
			s.kill(u, FinalKill)
			return
		}
		s.finish(u)
	}
}

func (s *Supervisor) startPost(u *unit) {
	s.enter(u, StartPost, u.Service.TimeoutStart)
	if u.main.alive {
		s.feed(u)
	}
	s.runList(u, u.Service.StartPost)
}

// up makes a unit active, whose start job is then done.
func (s *Supervisor) up(u *unit, p Phase) {
	s.enter(u, p, 0)
	u.active, u.everUp = s.now, true
	if u.Service != nil && p == Running {
		u.runtimeEnd = s.at(u.Service.RuntimeMax)
		s.startProbes(u)
		s.seek(u)
		if u.look.until == 0 {
			s.unfavour(u)
		}
	}
	if u.job != nil && u.job.starts() {
		s.finishJob(u, OutcomeDone, "")
	}
	if u.Service != nil && !u.component() {
		s.do(Record{Unit: u.Name, Priority: PriorityInfo, Message: fmt.Sprintf("%s is up after %v", u.Name, (s.now - u.begun).Round(100_000))})
	}
}

func (s *Supervisor) spawned(e Spawned) {
	u, p := s.process(e.Token)
	if u == nil { // given up before there was anything to kill
		s.do(Signal{Token: e.Token, Sig: int(syscall.SIGKILL)})
		return
	}
	p.pid = e.PID
	switch u.phase { // what was sent while it was being made did not reach it
	case StopTerm, StopAbort:
		s.do(Signal{Unit: u.Unit, Token: e.Token, Sig: u.stopSignal()})
	case StopKill, FinalKill:
		s.do(Signal{Unit: u.Unit, Token: e.Token, Sig: int(syscall.SIGKILL)})
	}
	if p == &u.main && u.phase == Start && (u.Service.Type == plan.Simple || u.Service.Type == plan.Idle) {
		s.startPost(u)
	}
	said := u.unheard
	u.unheard = nil
	for _, n := range said {
		s.notified(n)
	}
}

func (s *Supervisor) executed(e Executed) {
	u, p := s.process(e.Token)
	if u == nil || p != &u.main || u.phase != Start {
		return
	}
	switch u.Service.Type {
	case plan.Exec:
		s.startPost(u)
	case plan.DBus:
		deadline := u.deadline
		s.enter(u, StartName, 0)
		u.deadline = deadline // it is one wait with the one before
		s.runList(u, u.Service.AwaitName)
	}
}

// process finds the living process that a token names.
func (s *Supervisor) process(t Token) (*unit, *process) {
	u := s.tokens[t]
	switch {
	case u == nil:
	case u.main.token == t && u.main.alive:
		return u, &u.main
	case u.control.token == t && u.control.alive:
		return u, &u.control
	case u.health.probe.token == t && u.health.probe.alive:
		return u, &u.health.probe
	}
	return nil, nil
}

// findMain asks for the main process of a forking service whose first process
// has ended with success.
func (s *Supervisor) findMain(u *unit) {
	svc := u.Service
	if svc.PIDFile == "" && !svc.GuessMainPID {
		u.main = process{}
		s.startPost(u)
		return
	}
	u.question = s.token(u)
	s.do(FindMain{Unit: u.Unit, Token: u.question, PIDFile: svc.PIDFile})
}

func (s *Supervisor) foundMain(e FoundMain) {
	u := s.tokens[e.Token]
	if u == nil || u.question != e.Token {
		return
	}
	u.question = 0
	switch {
	case e.PID > 0:
		u.main = process{token: e.Token, pid: e.PID, alive: true}
		s.startPost(u)
	case u.Service.PIDFile == "":
		delete(s.tokens, e.Token)
		u.main = process{}
		s.startPost(u)
	default: // not written yet: look again until the start's deadline
		delete(s.tokens, e.Token)
		if u.retryLimit == 0 {
			u.retryLimit = u.deadline
			if u.retryLimit == 0 {
				u.retryLimit = s.now + pidFileMost
			}
		}
		if s.now >= u.retryLimit || !u.populated {
			s.fail(u, Protocol, fmt.Sprintf("no main process: %s", e.Err))
			s.terminate(u)
			return
		}
		u.retry, u.noMain, u.deadline = true, e.Err, min(u.retryLimit, s.now+pidFileRetry)
	}
}
