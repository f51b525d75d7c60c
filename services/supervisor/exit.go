package supervisor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// spawnFailed treats a process that could not be made as one that failed.
func (s *Supervisor) spawnFailed(e SpawnFailed) {
	u, p := s.process(e.Token)
	delete(s.tokens, e.Token)
	if u == nil {
		return
	}
	p.alive = false
	cause := fmt.Sprintf("%s: %s", e.Step, e.Err)
	if p == &u.health.probe {
		s.probeEnded(u, verdict{result: Resources, cause: cause, code: -1})
		return
	}
	if !u.main.alive && !u.control.alive {
		u.populated = false
	}
	s.ended(u, p, verdict{result: Resources, cause: cause, code: -1})
}

func (s *Supervisor) exited(e Exited) {
	u, p := s.process(e.Token)
	delete(s.tokens, e.Token)
	if u == nil {
		return
	}
	p.alive = false
	v := judge(u.Service, p == &u.main, e)
	if p == &u.health.probe {
		s.probeEnded(u, v)
		return
	}
	u.populated = e.Populated || u.main.alive || u.control.alive
	s.ended(u, p, v)
}

// verdict is what an exit means.
type verdict struct {
	result Result // Success, or why not
	cause  string
	code   int // exit code; -1 when there was none
	signal int // that ended it; 0 when none did
}

// of words the cause as something that a process did; where there was none, the
// cause says itself what was being done to what.
func (v verdict) of(process string) string {
	if v.result == Resources {
		return v.cause
	}
	return process + " " + v.cause
}

// environment describes an exit in the words of systemd.exec(5): the variable
// code says how it ended, status with what. There is none without an exit.
func (v verdict) environment(code, status string) []string {
	switch {
	case v.signal != 0 && v.result == CoreDump:
		return []string{code + "dumped", status + signalName(v.signal)}
	case v.signal != 0:
		return []string{code + "killed", status + signalName(v.signal)}
	case v.code >= 0:
		return []string{code + "exited", status + strconv.Itoa(v.code)}
	}
	return nil
}

// signalName is a signal's name without SIG, or its number.
func signalName(n int) string {
	if name := unix.SignalName(syscall.Signal(n)); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(n)
}

// judge tells success from failure. The clean signals count for the main
// process only, as in systemd.
func judge(svc *plan.Service, main bool, e Exited) verdict {
	if e.Signal != 0 {
		name := syscall.Signal(e.Signal).String()
		v := verdict{result: BySignal, cause: fmt.Sprintf("ended by signal %d (%s)", e.Signal, name), code: -1, signal: e.Signal}
		if e.Core {
			v.result, v.cause = CoreDump, fmt.Sprintf("dumped core after signal %d (%s)", e.Signal, name)
		}
		clean := []int{int(syscall.SIGHUP), int(syscall.SIGINT), int(syscall.SIGTERM), int(syscall.SIGPIPE)}
		if main && svc.Type != plan.Oneshot && slices.Contains(clean, e.Signal) || slices.Contains(svc.SuccessStatus.Signals, e.Signal) {
			v.result = Success
		}
		return v
	}
	v := verdict{result: Success, code: e.Code, cause: fmt.Sprintf("exited with status %d", e.Code)}
	if e.Code != 0 && !(main && slices.Contains(svc.SuccessStatus.Codes, e.Code)) {
		v.result = ExitCode
	}
	return v
}

// ended acts on the end of a process in the phase that the unit is in.
func (s *Supervisor) ended(u *unit, p *process, v verdict) {
	main := p == &u.main
	if main {
		u.exit = v
	}
	switch u.phase {
	case StopTerm, StopAbort, StopKill, FinalKill:
		if main && u.phase == StopTerm {
			s.fail(u, v.result, "when it was stopped, its main process "+v.cause)
		}
		s.settle(u)
		return
	case Stop:
		if main && u.control.alive { // ExecStop= goes on
			s.fail(u, v.result, "its main process "+v.cause)
			return
		}
	case Reloading:
		if main {
			return // seen when the reload ends
		}
	}
	if main && u.phase != Start {
		s.mainGone(u)
		return
	}
	command := &u.list[u.step]
	good := v.result == Success || command.IgnoreFailure
	if u.phase == Start {
		s.startEnded(u, v, good)
		return
	}
	switch {
	case good || u.phase == Stop: // a failing ExecStop= does not end the stop
		u.step++
		s.runNext(u)
	case u.phase == Condition && v.code > 0 && v.code < 255:
		s.fail(u, Unmet, fmt.Sprintf("ExecCondition=%s %s", strings.Join(command.Argv, " "), v.cause))
		s.terminate(u)
	case u.phase == Reloading:
		s.failReload(u, fmt.Sprintf("ExecReload=%s %s", command.Path, v.cause))
	case u.phase == StartName:
		s.fail(u, Protocol, fmt.Sprintf("its name did not appear on the bus: %s", v.of("the watch of the bus")))
		s.terminate(u)
	case u.phase == StopPost:
		s.fail(u, v.result, fmt.Sprintf("ExecStopPost=%s %s", command.Path, v.cause))
		u.step++
		s.runNext(u)
	default:
		s.fail(u, v.result, fmt.Sprintf("%s of %s %s", directive(u.phase), strings.Join(command.Argv, " "), v.cause))
		s.terminate(u)
	}
}

func directive(p Phase) string {
	switch p {
	case Condition:
		return "ExecCondition="
	case StartPre:
		return "ExecStartPre="
	case StartPost:
		return "ExecStartPost="
	}
	return string(p)
}

// startEnded acts on the end of an ExecStart= process before readiness.
func (s *Supervisor) startEnded(u *unit, v verdict, good bool) {
	svc := u.Service
	notifies := svc.Type == plan.Notify || svc.Type == plan.Reloads
	if notifies && v.code >= 0 {
		v.cause += " before it said READY=1"
	}
	switch {
	case !good:
		s.fail(u, v.result, v.of(u.list[u.step].Path))
		s.terminate(u)
	case svc.Type == plan.Oneshot:
		u.main = process{}
		u.step++
		s.runNext(u)
	case svc.Type == plan.Forking:
		s.findMain(u)
	case notifies:
		s.fail(u, Protocol, fmt.Sprintf("%s %s", u.list[u.step].Path, v.cause))
		s.terminate(u)
	default:
		// A program that has run to its end before PID 1 heard that it runs.
		s.startPost(u)
	}
}

// mainGone acts on a main process that ended although nobody asked it to.
func (s *Supervisor) mainGone(u *unit) {
	v := u.exit
	if u.Service.ExitWithGroup && u.populated && (u.phase == Running || u.phase == StartPost || u.phase == Gated) {
		return // the rest of its processes go on
	}
	if u.Service.Type != plan.Forking && u.ignoresFailure() {
		v.result = Success
	}
	if u.phase == StartPost && u.control.alive && v.result == Success {
		return // ExecStartPost= decides
	}
	switch {
	case v.result != Success:
		s.fail(u, v.result, v.of("its main process"))
		s.terminate(u)
	case u.phase == StartName:
		s.fail(u, Protocol, "its main process "+v.cause+" before its name was on the bus")
		s.terminate(u)
	case u.phase == Gated:
		s.fail(u, Protocol, "its main process "+v.cause+" before it was healthy")
		s.terminate(u)
	case u.Service.RemainAfterExit && u.phase == Running:
		s.enter(u, Finished, 0)
	case u.phase == Stop:
		s.terminate(u)
	default:
		u.cause = "its main process " + v.cause
		s.stopping(u, true)
	}
}

// ignoresFailure says whether ExecStart= has the prefix "-".
func (u *unit) ignoresFailure() bool {
	return len(u.Service.Start) == 1 && u.Service.Start[0].IgnoreFailure
}

// emptied acts on the end of the last process in a cgroup.
func (s *Supervisor) emptied(e Emptied) {
	u := s.byName[e.Unit]
	if u == nil || u.Service == nil || u.main.alive || u.control.alive {
		return // the ends of those two come as Exited
	}
	u.populated = false
	switch {
	case u.phase == StopTerm || u.phase == StopAbort || u.phase == StopKill || u.phase == FinalKill:
		s.settle(u)
	case u.phase == Running && u.Service.Type == plan.Forking && u.main.token == 0:
		u.cause = "its last process ended"
		s.stopping(u, true)
	case u.phase == Running && u.Service.ExitWithGroup:
		s.mainGone(u)
	}
}

// oomKilled applies OOMPolicy=: with kill, the kernel has ended all of the
// cgroup already.
func (s *Supervisor) oomKilled(e OOMKilled) {
	u := s.byName[e.Unit]
	if u == nil || u.Service == nil || u.phase.down() {
		return
	}
	const cause = "the kernel killed a process of it for want of memory"
	s.do(Record{Unit: u.Name, Priority: PriorityWarning, Message: u.Name + ": " + cause})
	if u.Service.OOMPolicy == plan.OOMContinue {
		return
	}
	s.fail(u, OutOfMemory, cause)
	if !u.phase.stopping() && u.Service.OOMPolicy != plan.OOMKill {
		s.giveUpControl(u)
		s.terminate(u)
	}
}

// fail keeps the first reason of a run's failure.
func (s *Supervisor) fail(u *unit, r Result, cause string) {
	if r != Success && (u.result == Success || u.result == "") {
		u.result, u.cause = r, cause
	}
}

// end finishes a run that has no process.
func (s *Supervisor) end(u *unit, r Result, cause string) {
	s.fail(u, r, cause)
	u.question = 0
	s.finish(u)
}
