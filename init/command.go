package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	server "clarityos/init/control"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

// maxSetting bounds the value of a setting, in bytes.
const maxSetting = 256

// kill sends a signal to processes of a unit, beside whatever its job does. The
// end of a process that comes of it counts like any other.
func (p *pid1) kill(c *server.Conn, a control.KillArgs) {
	v, ok := p.sup.View(a.Unit)
	if !ok {
		c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: a.Unit})
		return
	}
	if a.Signal < 1 || a.Signal > 64 {
		c.Fail(varlink.ErrInvalidParameter, varlink.Fault{Parameter: "signal", Message: fmt.Sprintf("no signal %d: they are 1 to 64", a.Signal)})
		return
	}
	none := func(what string) {
		c.Fail(control.ErrFailed, varlink.Fault{Message: fmt.Sprintf("%s is %s and has no %s", a.Unit, v.Active, what)})
	}
	one := func(pid int, what string) {
		if pid == 0 || unix.Kill(pid, unix.Signal(a.Signal)) != nil { // not reaped, so the pid is still its
			none(what)
			return
		}
		c.Reply(struct{}{})
	}
	switch a.Who {
	case "main":
		one(v.MainPID, "main process")
	case "control":
		one(v.ControlPID, "control process")
	case "all":
		r := p.units[a.Unit]
		if r == nil || r.cgroup == nil || !r.cgroup.Populated() {
			none("processes")
			return
		}
		group := &cgroup.Group{Path: r.cgroup.Path}
		r.killed = r.killed || a.Signal == int(unix.SIGKILL)
		p.asks.Add(func() {
			if a.Signal == int(unix.SIGKILL) {
				group.Kill()
			} else {
				group.Signal(a.Signal)
			}
			p.post(func() { c.Reply(struct{}{}) })
		})
	default:
		c.Fail(varlink.ErrInvalidParameter, varlink.Fault{Parameter: "who", Message: fmt.Sprintf("who is all, main or control, not %q", a.Who)})
	}
}

// setProperty sets files of a unit's cgroup until the plan is reloaded.
func (p *pid1) setProperty(c *server.Conn, a control.SetPropertyArgs) {
	u := p.sup.Unit(a.Unit)
	if u == nil {
		c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: a.Unit})
		return
	}
	if u.Service == nil {
		c.Fail(control.ErrFailed, varlink.Fault{Message: fmt.Sprintf("%s has no processes whose use of resources could be limited", a.Unit)})
		return
	}
	for _, s := range a.Settings {
		if err := checkSetting(s); err != nil {
			c.Fail(varlink.ErrInvalidParameter, varlink.Fault{Parameter: "settings", Message: err.Error()})
			return
		}
	}
	r := p.resource(u)
	p.asks.Add(func() {
		err := r.setLive(a.Settings, a.Reset, u.Service.Process.Cgroup)
		p.post(func() {
			if err != nil {
				c.Fail(control.ErrFailed, varlink.Fault{Message: err.Error()})
				return
			}
			c.Reply(struct{}{})
		})
	})
}

func checkSetting(s plan.Setting) error {
	switch {
	case !plan.LiveFiles[s.File]:
		return fmt.Errorf("%q is no file of a cgroup that may be set", s.File)
	case s.Value == "" || len(s.Value) > maxSetting || strings.ContainsAny(s.Value, "\n\x00"):
		return fmt.Errorf("%s: %q is no value", s.File, s.Value)
	}
	return nil
}

// setLive writes settings to the unit's cgroup, if it has one, and keeps those
// that were taken for later ones. With reset those of before are undone first.
// For a pool; planned is what the plan sets.
func (r *resource) setLive(settings []plan.Setting, reset bool, planned []plan.Setting) error {
	r.mu.Lock()
	group, before := r.group, r.live
	r.mu.Unlock()
	var failed []error
	set := func(s plan.Setting) bool {
		if group == nil {
			return true
		}
		err := group.Set(s.File, s.Value)
		if err != nil {
			failed = append(failed, fmt.Errorf("set %s to %q: %w", s.File, s.Value, err))
		}
		return err == nil
	}
	kept := before
	if reset {
		kept = nil
		for _, s := range before {
			set(undo(s, planned))
		}
	}
	for _, s := range settings {
		if set(s) {
			kept = append(slices.DeleteFunc(slices.Clone(kept), func(o plan.Setting) bool { return subject(o) == subject(s) }), s)
		}
	}
	r.mu.Lock()
	r.live = kept
	r.mu.Unlock()
	return errors.Join(failed...)
}

func (r *resource) liveSettings() []plan.Setting {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

// forgetLive is for a new plan, whose word counts from then on.
func (p *pid1) forgetLive() {
	for _, r := range p.units {
		r.mu.Lock()
		r.live = nil
		r.mu.Unlock()
	}
}

// subject is what a setting is about: a file or, of one that has a line for
// each device, what precedes the value there.
func subject(s plan.Setting) string {
	if !path.IsAbs(s.Value) {
		return s.File
	}
	return s.File + " " + s.Value[:strings.LastIndexAny(s.Value, " =")+1]
}

// kernelDefaults are the values of a new cgroup; see the kernel's
// Documentation/admin-guide/cgroup-v2.rst.
var kernelDefaults = map[string]string{
	"memory.min": "0", "memory.low": "0", "memory.high": "max", "memory.max": "max",
	"memory.swap.max": "max", "memory.zswap.max": "max", "pids.max": "max",
	"cpu.weight": "100", "cpu.max": "max 100000", "cpu.idle": "0", "cpuset.cpus": "\n", "cpuset.mems": "\n", "io.weight": "default 100",
}

// undo is what takes a setting back: the plan's value or the kernel's.
func undo(s plan.Setting, planned []plan.Setting) plan.Setting {
	for _, o := range slices.Backward(planned) {
		if subject(o) == subject(s) {
			return o
		}
	}
	if !path.IsAbs(s.Value) {
		return plan.Setting{File: s.File, Value: kernelDefaults[s.File]}
	}
	value := map[string]string{"io.max": "max", "io.latency": "0", "io.weight": "default"}[s.File]
	return plan.Setting{File: s.File, Value: strings.TrimPrefix(subject(s), s.File+" ") + value}
}

// learned takes the order that earlier boots have taught from its file.
func (p *pid1) learned(c *server.Conn) {
	p.asks.Add(func() {
		file, err := os.ReadFile(plan.OrderPath)
		var order *plan.Order
		if err == nil {
			order, err = plan.DecodeOrder(file)
		}
		p.post(func() {
			if err != nil {
				c.Fail(control.ErrFailed, varlink.Fault{Message: err.Error()})
				return
			}
			p.fold(supervisor.Learned{Order: *order})
			c.Reply(struct{}{})
		})
	})
}
