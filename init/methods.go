package main

import (
	"encoding/json"
	"slices"
	"strings"

	server "clarityos/init/control"
	"clarityos/services/control"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

// call carries out one call of a client. States are for everybody, changes for
// root alone.
func (p *pid1) call(c *server.Conn, method string, args json.RawMessage) {
	name, ok := strings.CutPrefix(method, control.Interface+".")
	if !ok {
		parameters, fault := theService.Introspect(method, args)
		if fault != "" {
			c.Fail(fault, parameters)
			return
		}
		c.Reply(parameters)
		return
	}
	switch name {
	case "Change", "Shutdown", "ReloadPlan", "Kill", "SetProperty", "Learned":
		if c.UID != 0 {
			c.Fail(varlink.ErrPermission, varlink.Fault{Method: name})
			return
		}
	}
	switch name {
	case "Status":
		with(c, args, func(a control.UnitArgs) { p.status(c, a.Unit) })
	case "List":
		r := p.overview()
		r.Units, r.Started = p.sup.Views(), p.startedCPU()
		c.Reply(r)
	case "Wait":
		p.waiting = append(p.waiting, c)
		c.Closed = func() { p.waiting = slices.DeleteFunc(p.waiting, func(w *server.Conn) bool { return w == c }) }
		p.answerWaiting()
	case "Why":
		with(c, args, func(a control.UnitArgs) { p.why(c, a.Unit) })
	case "Show":
		with(c, args, func(a control.UnitArgs) { p.show(c, a.Unit) })
	case "Relations":
		p.relations(c)
	case "Usage":
		p.showUsage(c)
	case "Events":
		with(c, args, func(a control.EventsArgs) { p.events(c, a) })
	case "Kill":
		with(c, args, func(a control.KillArgs) { p.kill(c, a) })
	case "SetProperty":
		with(c, args, func(a control.SetPropertyArgs) { p.setProperty(c, a) })
	case "Learned":
		p.learned(c)
	case "Findings":
		c.Reply(control.FindingsReply{Findings: p.plan.Findings})
	case "Change":
		with(c, args, func(a control.ChangeArgs) { p.change(c, a) })
	case "Shutdown":
		with(c, args, func(a control.ShutdownArgs) { p.shutdown(c, a.Kind) })
	case "ReloadPlan":
		p.recompile(nil, func(err error) {
			if err != nil {
				c.Fail(control.ErrFailed, varlink.Fault{Message: err.Error()})
				return
			}
			c.Reply(struct{}{})
		})
	default:
		c.Fail(varlink.ErrMethodNotFound, varlink.Fault{Method: method})
	}
}

// with decodes the parameters of a call and carries it out, or tells the client
// that they are not what the method takes.
func with[A any](c *server.Conn, args json.RawMessage, do func(A)) {
	var a A
	if len(args) > 0 && json.Unmarshal(args, &a) != nil {
		c.Fail(varlink.ErrInvalidParameter, varlink.Fault{Parameter: "parameters"})
		return
	}
	do(a)
}

// why explains a unit's state or, with "", only what the boot waits for.
func (p *pid1) why(c *server.Conn, unit string) {
	lines, ok := p.sup.Why(unit)
	if !ok && unit != "" {
		c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: unit})
		return
	}
	c.Reply(control.WhyReply{Lines: lines, Holding: p.sup.Holding(unit)})
}

// theService is what PID 1 tells of itself.
var theService = varlink.Service{Product: "init", Interface: control.Interface, Description: control.Description}

func (p *pid1) overview() control.StatusReply {
	return control.StatusReply{Now: now(), Summary: p.sup.Summary(), Kernel: p.executed, Notes: p.notes, Watchdog: p.watchdog.String()}
}

func (p *pid1) status(c *server.Conn, unit string) {
	r := p.overview()
	if unit != "" {
		v, ok := p.sup.View(unit)
		if !ok {
			c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: unit})
			return
		}
		r.Units = []supervisor.View{v}
		if res := p.units[unit]; res != nil && res.cgroup != nil {
			r.Memory, r.Tasks = res.cgroup.Number("memory.current"), res.cgroup.Number("pids.current")
		}
	}
	c.Reply(r)
}

// answerWaiting answers those who wait for the end of the boot, once it is
// there.
func (p *pid1) answerWaiting() {
	if len(p.waiting) == 0 || p.sup == nil || p.sup.Summary().State == "starting" {
		return
	}
	waiting := p.waiting
	p.waiting = nil
	for _, c := range waiting {
		c.Reply(p.overview())
	}
}

// change asks the supervisor for a job. An instance of a template that is not in
// the plan yet gets into it first.
func (p *pid1) change(c *server.Conn, a control.ChangeArgs) {
	if _, known := p.sup.View(a.Unit); !known && strings.Contains(a.Unit, "@") {
		p.recompile([]string{a.Unit}, func(err error) {
			if err != nil {
				c.Fail(control.ErrFailed, varlink.Fault{Message: err.Error()})
				return
			}
			p.request(c, a)
		})
		return
	}
	p.request(c, a)
}

func (p *pid1) request(c *server.Conn, a control.ChangeArgs) {
	if c.Oneway { // nobody waits for the job, so the connection's next call need not either
		c.Reply(nil)
		p.fold(supervisor.Request{Verb: a.Verb, Unit: a.Unit, Users: a.Users})
		return
	}
	p.lastConn++
	id := p.lastConn
	p.clients[id] = c
	c.Closed = func() { delete(p.clients, id) }
	p.fold(supervisor.Request{Verb: a.Verb, Unit: a.Unit, Users: a.Users, Client: id})
}

func (p *pid1) shutdown(c *server.Conn, kind supervisor.HaltKind) {
	switch kind {
	case supervisor.PowerOff, supervisor.Reboot, supervisor.JustHalt:
		c.Reply(struct{}{})
		p.fold(supervisor.Shutdown{Kind: kind})
	default:
		c.Fail(varlink.ErrInvalidParameter, varlink.Fault{Parameter: "kind", Message: "kind is poweroff, reboot or halt"})
	}
}
