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
	u.exit, u.unheard = verdict{code: -1}, nil
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
	if u.Service == nil {
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
		a.Env = append(a.Env, "SERVICE_RESULT="+string(u.result))
	}
	u.populated = true
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
	case Start: // every ExecStart= of a oneshot has succeeded
		s.startPost(u)
	case StartPost:
		switch {
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
		s.enter(u, Running, 0)
		s.finishJob(u, OutcomeDone, "")
		if !u.main.alive && u.main.token != 0 {
			s.mainGone(u)
		}
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
	s.runList(u, u.Service.StartPost)
}

// up makes a unit active, whose start job is then done.
func (s *Supervisor) up(u *unit, p Phase) {
	s.enter(u, p, 0)
	u.active, u.everUp = s.now, true
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
	case StopTerm:
		s.do(Signal{Unit: u.Unit, Token: e.Token, Sig: u.Service.KillSignal})
	case StopKill, FinalKill:
		s.do(Signal{Unit: u.Unit, Token: e.Token, Sig: int(syscall.SIGKILL)})
	}
	if p == &u.main && u.phase == Start && u.Service.Type == plan.Simple {
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
	if u != nil && p == &u.main && u.phase == Start && u.Service.Type == plan.Exec {
		s.startPost(u)
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
		u.retry, u.deadline = true, min(u.retryLimit, s.now+pidFileRetry)
	}
}

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
	switch u.Service.NotifyAccess {
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
	if e.Extend > 0 && u.deadline != 0 {
		u.deadline = max(u.deadline, s.now+e.Extend)
	}
	if e.MainPID > 0 && e.MainPID != u.main.pid && (u.phase == Start || u.phase.up()) {
		delete(s.tokens, u.main.token)
		u.main = process{token: s.token(u), pid: e.MainPID, alive: true}
		s.do(FindMain{Unit: u.Unit, Token: u.main.token, PID: e.MainPID})
	}
	if e.Ready && u.phase == Start && u.Service.Type == plan.Notify {
		s.startPost(u)
	}
}
