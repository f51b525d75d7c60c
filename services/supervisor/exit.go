package supervisor

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

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

// finish puts a unit down after its run, tells why, and decides what is next.
func (s *Supervisor) finish(u *unit) {
	for _, t := range []Token{u.main.token, u.control.token, u.question} {
		delete(s.tokens, t)
	}
	u.main, u.control, u.question, u.retry, u.monitor = process{}, process{}, 0, false, nil
	u.watchdog.deadline, u.runtimeEnd = 0, 0
	if u.Service != nil {
		s.stopProbes(u)
	}
	s.do(End{Unit: u.Unit, Invocation: u.invocation, Abandoned: u.abandoned})
	if u.active != 0 && s.now-u.active > steady {
		u.restarts = 0
	}
	restart, delay := u.restarting()
	bad := u.result != Success && u.result != Unmet
	switch {
	case restart && s.halt == "" && (u.job == nil || u.job.starts()):
		u.restarts++
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
			s.again = true
			s.wantStart(u, 0, map[*unit]bool{})
			s.again = false
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
	if svc != nil && u.again && !u.stopWanted {
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
