package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	"clarityos/init/condition"
	"clarityos/init/readiness"
	"clarityos/init/spawn"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/psi"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

var native = binary.NativeEndian

// perform carries out one action. None of them waits: what might goes to a pool
// and comes back as an event.
func (p *pid1) perform(a supervisor.Action) {
	switch a := a.(type) {
	case supervisor.Check:
		p.asks.Add(func() {
			unmet, assert := condition.Unmet(a.Conditions)
			p.post(func() { p.fold(supervisor.Checked{Token: a.Token, Unmet: unmet, Assert: assert}) })
		})
	case supervisor.Look:
		p.asks.Add(func() {
			missing := readiness.Missing(a.Marks)
			p.post(func() { p.fold(supervisor.Looked{Token: a.Token, There: missing == "", Missing: missing}) })
		})
	case supervisor.AskStalled:
		p.asks.Add(func() {
			text, _ := os.ReadFile("/proc/pressure/cpu") // a kernel without it is told as such
			total, known := psi.Some(text)
			p.post(func() { p.fold(supervisor.Stalled{Total: total, Unknown: !known}) })
		})
	case supervisor.Spawn:
		r := p.resource(a.Unit)
		r.ended, r.invocation = false, a.Invocation
		if r.killed {
			p.renewGroup(r)
		}
		b := birth{slices: p.slicesOf(a.Unit.Service)}
		if a.Role == supervisor.RoleMain {
			b.sockets, b.names = p.passed(a.Unit.Service)
		}
		p.forks.Add(func() { p.spawn(r, a, b) })
	case supervisor.FindMain:
		p.findMain(a)
	case supervisor.Signal:
		if pid := p.table.PID(uint64(a.Token)); pid > 0 {
			_ = unix.Kill(pid, unix.Signal(a.Sig)) // not reaped, so the pid is still its
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	case supervisor.Unfavour:
		p.unfavour(a.Unit)
	case supervisor.SignalAll:
		if r := p.units[a.Unit.Name]; r != nil && r.cgroup != nil {
			r.cgroup.Signal(a.Sig, int(unix.SIGCONT))
		}
	case supervisor.Listen:
		p.listen(a)
	case supervisor.Watch:
		p.watchSocket(p.resource(a.Unit), a.On)
	case supervisor.Close:
		p.closeSocket(a.Unit)
	case supervisor.Kill:
		if r := p.units[a.Unit.Name]; r != nil && r.cgroup != nil {
			r.killed = true
			r.cgroup.Kill()
		}
	case supervisor.End:
		p.end(a)
	case supervisor.Changed:
		p.changed(a)
	case supervisor.Health:
		p.history.health(a)
	case supervisor.Record:
		p.record(a)
	case supervisor.Done:
		p.done(a)
	case supervisor.BootDone:
		p.bootDone()
	case supervisor.Halt:
		p.halt(a)
	}
}

// birth is what the loop gives a process to be, since only it may look.
type birth struct {
	slices  []slice
	sockets []int // the fork's own copies
	names   []string
}

// spawn makes one process. It runs in the pool of forks.
func (p *pid1) spawn(r *resource, a supervisor.Spawn, b birth) {
	defer func() {
		for _, fd := range b.sockets {
			unix.Close(fd)
		}
	}()
	svc := a.Unit.Service
	fail := func(step string, err error) {
		p.post(func() { p.fold(supervisor.SpawnFailed{Token: a.Token, Step: step, Err: err.Error()}) })
	}
	if err := p.prepare(r, a, b.slices); err != nil {
		fail("prepare", err)
		return
	}
	files, err := p.files(r, svc)
	if err != nil {
		fail("prepare", err)
		return
	}
	defer unix.Close(files.CgroupFD)
	if p.logs != nil && svc.Component == "log" && a.Role == supervisor.RoleMain {
		files.Extra = []int{p.connectLog()}
	}
	spec := &spawn.Spec{Probe: a.Probe, Process: svc.Process, Sockets: b.names}
	if a.Command != nil {
		spec.Command = *a.Command
	}
	files.Extra = append(files.Extra, b.sockets...)
	r.mu.Lock()
	if a.Role == supervisor.RoleMain && r.ready >= 0 {
		defer unix.Close(r.ready)
		files.Extra, spec.NotifyFD = append(files.Extra, r.ready), svc.NotificationFD
		r.ready = -1
	}
	if w := pressure(r.group, &svc.Process); w != nil {
		spec.Env = append(spec.Env, w...)
	}
	spec.Env = append(spec.Env, "INVOCATION_ID="+r.id)
	if r.notify != "" {
		spec.Env = append(spec.Env, "NOTIFY_SOCKET="+r.notify)
	}
	r.mu.Unlock()
	spec.Env = append(spec.Env, a.Env...)
	child, err := spawn.Fork(p.table, spec, files, p.devNull)
	if err != nil {
		var e *spawn.Error
		if errors.As(err, &e) {
			fail(e.Step, e.Err)
		} else {
			fail("fork", err)
		}
		return
	}
	if a.Favoured {
		if err := spawn.Favour(child.PID, &svc.Process); err != nil { // it has its turn like others then
			p.post(func() { p.note(err.Error()) })
		}
	}
	p.post(func() { p.spawned(r, a, child) })
}

func (p *pid1) spawned(r *resource, a supervisor.Spawn, c spawn.Child) {
	st, ended := p.table.Forked(c.PID, uint64(a.Token))
	p.watch(r)
	if a.Role == supervisor.RoleMain {
		r.mainToken = a.Token
	}
	p.fold(supervisor.Spawned{Token: a.Token, PID: c.PID})
	switch {
	case c.Report < 0:
		p.fold(supervisor.Executed{Token: a.Token})
	default:
		p.reports[a.Token] = c.Report
		p.try(p.reactor.Add(c.Report, unix.EPOLLIN, func(uint32) { p.readReport(a.Token) }))
	}
	if ended {
		p.exited(r, a.Token, st)
	}
}

// unfavour has all processes of a unit be like others.
func (p *pid1) unfavour(u *plan.Unit) {
	r := p.units[u.Name]
	if r == nil || r.cgroup == nil {
		return
	}
	group := r.cgroup
	p.asks.Add(func() {
		for _, pid := range group.Processes() {
			if err := spawn.Unfavour(pid, &u.Service.Process); err != nil {
				p.post(func() { p.note(err.Error()) })
			}
		}
	})
}

// pressure tells a service where it can watch for a lack of memory, as
// systemd's MEMORY_PRESSURE_WATCH protocol has it.
func pressure(g *cgroup.Group, p *plan.Process) []string {
	if !p.PressureWatch {
		return nil
	}
	threshold := p.PressureThreshold
	if threshold == 0 {
		threshold = 200 * time.Millisecond
	}
	line := fmt.Sprintf("some %d 2000000\x00", threshold.Microseconds())
	return []string{"MEMORY_PRESSURE_WATCH=" + cgroup.Root + "/" + g.Path + "/memory.pressure",
		"MEMORY_PRESSURE_WRITE=" + base64.StdEncoding.EncodeToString([]byte(line))}
}

// readReport folds what a stub has to say, if it has said it.
func (p *pid1) readReport(token supervisor.Token) {
	fd, ok := p.reports[token]
	if !ok {
		return
	}
	running, step, message := spawn.ReadReport(fd)
	if !running && step == "" {
		return
	}
	p.reactor.Remove(fd)
	unix.Close(fd)
	delete(p.reports, token)
	if running {
		p.fold(supervisor.Executed{Token: token})
		return
	}
	p.fold(supervisor.SpawnFailed{Token: token, Step: step, Err: message})
}

// findMain looks for the main process of a forking service. The process has to
// be in the unit's cgroup: a PID file may be old, or lie.
func (p *pid1) findMain(a supervisor.FindMain) {
	r := p.resource(a.Unit)
	if a.PID > 0 { // the service itself said so
		p.adopt(r, a.Token, a.PID)
		return
	}
	p.asks.Add(func() {
		pid, err := mainProcess(r, a.PIDFile)
		p.post(func() {
			if err != nil {
				p.fold(supervisor.FoundMain{Token: a.Token, Err: err.Error()})
				return
			}
			p.fold(supervisor.FoundMain{Token: a.Token, PID: pid})
			if p.sup.Holder(a.Token) != "" { // else the question was an old one
				p.adopt(r, a.Token, pid)
			}
		})
	})
}

// adopt makes the end of a process that PID 1 did not fork be reported under
// token; it may have come already.
func (p *pid1) adopt(r *resource, token supervisor.Token, pid int) {
	p.table.Adopt(pid, uint64(token))
	r.mainToken = token
	if unix.Kill(pid, 0) == unix.ESRCH {
		p.table.Ended(pid, spawn.Status{})
		p.exited(r, token, spawn.Status{})
	}
}

func mainProcess(r *resource, pidFile string) (int, error) {
	r.mu.Lock()
	group := r.group
	r.mu.Unlock()
	if group == nil {
		return 0, errors.New("the unit has no cgroup")
	}
	if pidFile == "" {
		members := group.Processes()
		if len(members) != 1 {
			return 0, fmt.Errorf("%d processes are left, so none of them can be guessed to be the main one", len(members))
		}
		return members[0], nil
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s holds %q, which is no process id", pidFile, strings.TrimSpace(string(b)))
	}
	if !group.Holds(pid) {
		return 0, fmt.Errorf("process %d of %s is not one of the unit's", pid, pidFile)
	}
	return pid, nil
}

// done answers the client that asked for a job.
func (p *pid1) done(d supervisor.Done) {
	p.history.done(d)
	c := p.clients[d.Client]
	if c == nil {
		return
	}
	delete(p.clients, d.Client)
	if d.Outcome == supervisor.OutcomeRefused {
		if _, ok := p.sup.View(d.Unit); !ok {
			c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: d.Unit})
			return
		}
		c.Fail(control.ErrFailed, varlink.Fault{Message: d.Message})
		return
	}
	c.Reply(control.ChangeReply{Outcome: d.Outcome, Message: d.Message})
}

// restGCPercent makes the heap be collected from 1 MB on, which is 4 MB times
// it, once the boot is complete.
const restGCPercent = 25

// rest begins to collect garbage and gives back what the start has left. What is
// left of the boot's last events goes with the second time.
func rest() {
	debug.SetGCPercent(restGCPercent)
	debug.FreeOSMemory()
}

// bootDone says how the boot went, and goes into rescue when its goal failed.
func (p *pid1) bootDone() {
	p.asks.Add(rest) // the start needed more than what follows
	p.asks.Add(func() {
		err := cgroup.Protect()
		p.post(func() {
			if err != nil {
				p.note("cgroups: " + err.Error())
			}
			for _, r := range p.units { // the memory controller is on now
				p.watchMemory(r)
			}
			p.asks.Add(rest)
		})
	})
	sum := p.sup.Summary()
	goal, _ := p.sup.View(p.plan.Default)
	if len(p.plan.Units) == 0 || sum.State == "stopping" {
		return
	}
	took := (now() - p.executed).Round(1_000_000)
	if goal.Phase == supervisor.Failed {
		p.say(supervisor.PriorityError, fmt.Sprintf("%s was not reached: %s", goal.Name, goal.Cause))
		p.rescue(fmt.Sprintf("%s was not reached: %s", goal.Name, goal.Cause))
		return
	}
	var degraded []string
	if len(sum.Failed) > 0 {
		degraded = append(degraded, fmt.Sprintf("%d units are not up: %s", len(sum.Failed), strings.Join(sum.Failed, ", ")))
	}
	if len(sum.Cycles) > 0 {
		degraded = append(degraded, fmt.Sprintf("cycles in the order of units: %d", len(sum.Cycles)))
	}
	if degraded != nil {
		p.say(supervisor.PriorityWarning, fmt.Sprintf("boot complete after %v, degraded: %s", took, strings.Join(degraded, "; ")))
		return
	}
	p.say(supervisor.PriorityNotice, fmt.Sprintf("boot complete after %v: %d units are up", took, sum.Up))
}
