package supervisor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"clarityos/services/plan"
)

// genPlan draws a plan whose order has no cycle, as the compiler guarantees:
// units only stand after units with a smaller number.
func genPlan(t *rapid.T) *plan.Plan {
	n := rapid.IntRange(1, 8).Draw(t, "units")
	var units []plan.Unit
	for i := range n {
		all := []plan.Type{plan.Simple, plan.Exec, plan.Oneshot, plan.Forking, plan.Notify, plan.Reloads, plan.DBus, plan.Idle}
		u := service(fmt.Sprintf("u%d", i), typed(rapid.SampledFrom(all).Draw(t, "type")))
		s := u.Service
		if rapid.IntRange(0, 3).Draw(t, "component") == 0 {
			s.Component = u.Name
		}
		for j := range i {
			name := fmt.Sprintf("u%d", j)
			switch rapid.IntRange(0, 9).Draw(t, "edge") {
			case 4:
				related(t, &u, name)
			case 5:
				soft := plan.SoftAfter{Unit: name, Limit: time.Duration(rapid.IntRange(1, 20).Draw(t, "soft")) * time.Second}
				u.SoftAfter = append(u.SoftAfter, soft)
			case 0:
				requires(name)(&u)
			case 1:
				u.Requires = append(u.Requires, name)
			case 2:
				u.After = append(u.After, name)
			case 3:
				if rapid.IntRange(0, 4).Draw(t, "conflict") == 0 {
					u.Conflicts = append(u.Conflicts, name)
				}
			}
		}
		s.Restart = rapid.SampledFrom([]plan.Restart{plan.RestartNo, plan.RestartAlways, plan.RestartOnFailure}).Draw(t, "restart")
		if s.Type == plan.Oneshot {
			s.Restart = plan.RestartNo
		}
		s.KillMode = rapid.SampledFrom([]plan.KillMode{plan.KillControlGroup, plan.KillMixed, plan.KillProcess}).Draw(t, "kill")
		s.RestartDelay = rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond}).Draw(t, "delay")
		command := []plan.Command{{Path: "/bin/x", Argv: []string{"x"}}}
		for _, list := range []*[]plan.Command{&s.StartPre, &s.StartPost, &s.Reload, &s.Stop, &s.StopPost} {
			if rapid.IntRange(0, 4).Draw(t, "list") == 0 {
				*list = command
			}
		}
		s.AwaitName = command
		watched(t, s)
		u.StopWhenUnneeded = rapid.IntRange(0, 9).Draw(t, "unneeded") == 0
		if rapid.IntRange(0, 9).Draw(t, "timeout") == 0 {
			u.JobTimeout = 3 * time.Second
		}
		if rapid.IntRange(0, 5).Draw(t, "cond") == 0 {
			u.Conditions = []plan.Condition{{Kind: "PathExists", Value: "/x"}}
		}
		units = append(units, u)
		if rapid.IntRange(0, 5).Draw(t, "socket") == 0 {
			k := plan.Unit{Name: fmt.Sprintf("k%d", i), Enabled: true, Socket: &plan.Socket{Service: u.Name, TriggerLimit: plan.StartLimit{Interval: 2 * time.Second, Burst: 5}}}
			units[len(units)-1].After = append(units[len(units)-1].After, k.Name)
			units[len(units)-1].Service.Sockets = []string{k.Name}
			units = append(units, k)
		}
	}
	return system(units...)
}

// related adds one of the relations that do not order.
func related(t *rapid.T, u *plan.Unit, name string) {
	lists := []*[]string{&u.BindsTo, &u.PartOf, &u.Upholds, &u.Requisite, &u.OnFailure, &u.OnSuccess, &u.StopPropagatedFrom, &u.PropagatesReloadTo}
	list := rapid.SampledFrom(lists).Draw(t, "relation")
	*list = append(*list, name)
	if rapid.Bool().Draw(t, "ordered") {
		u.After = append(u.After, name)
	}
}

// watched gives a service what ends it from outside.
func watched(t *rapid.T, s *plan.Service) {
	sometimes := func(what string) bool { return rapid.IntRange(0, 5).Draw(t, what) == 0 }
	if sometimes("watchdog") {
		s.Watchdog = time.Minute
	}
	if sometimes("runtime") {
		s.RuntimeMax = 5 * time.Minute
	}
	if sometimes("health") {
		s.Health = &plan.Health{Probe: plan.Probe{At: &plan.Address{Port: 80}}, Interval: 10 * time.Second, Timeout: time.Second, Failures: 2, Successes: 1,
			Action: rapid.SampledFrom([]string{"", "restart", "stop"}).Draw(t, "action"), Gate: rapid.Bool().Draw(t, "gate")}
	}
	s.ExitWithGroup = sometimes("group")
	s.RestartDirect = sometimes("direct")
	s.StopFailureMode = rapid.SampledFrom([]plan.FailureMode{"", plan.FailAbort, plan.FailKill}).Draw(t, "mode")
	s.OOMPolicy = rapid.SampledFrom([]plan.OOMPolicy{"", plan.OOMContinue, plan.OOMKill}).Draw(t, "oom")
}

// TestSchedules drives random plans through random events. Whatever happens:
// nothing runs twice, the order is kept, every request is answered once, and
// with time alone every wait and every shutdown ends.
func TestSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPlan(t)
		if n := rapid.IntRange(0, len(p.Units)).Draw(t, "goal"); n < len(p.Units) {
			p.System.Goal = []string{p.Units[n].Name}
		}
		k := newKernel(p)
		unruly := rapid.Bool().Draw(t, "unruly")
		k.deaf = func(p *proc) bool { return unruly && p.token%3 == 0 }
		if rapid.Bool().Draw(t, "learned") {
			k.fold(Learned{genOrder(t, p)})
		}
		k.blind = rapid.Bool().Draw(t, "blind")
		k.fold(Boot{})
		client := uint64(0)
		unit := func() string { return p.Units[rapid.IntRange(0, len(p.Units)-1).Draw(t, "unit")].Name }
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 14).Draw(t, "step") {
			case 13:
				k.fold(Learned{genOrder(t, p)})
			case 14:
				k.blind = !k.blind
			case 10:
				k.fold(Incoming{Unit: unit()})
			case 11:
				k.fold(OOMKilled{Unit: unit()})
			case 12:
				k.say(t, unit())
			case 0, 1, 2:
				k.answer()
			case 3:
				k.reap()
			case 4:
				k.advance()
			case 5:
				client++
				verb := rapid.SampledFrom([]Verb{VerbStart, VerbStop, VerbRestart, VerbReload, VerbReset, VerbIsolate}).Draw(t, "verb")
				k.fold(Request{Verb: verb, Unit: unit(), Client: client})
			case 6, 7:
				if all := k.all(); len(all) > 0 {
					p := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
					k.exit(p, rapid.SampledFrom([]int{0, 1, 255}).Draw(t, "code"), rapid.SampledFrom([]int{0, 9, 15}).Draw(t, "signal"))
				}
			case 8:
				k.tick()
			case 9:
				k.now += time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond
			}
		}
		fail := func(format string, args ...any) {
			t.Fatalf("%s\n%s", strings.Join(k.trace, "\n"), fmt.Sprintf(format, args...))
		}
		// Nobody answers any more: time alone must end every job.
		deadline := k.now + time.Hour
		for n := 0; k.booted == 0 || uint64(len(k.done)) < client; n++ {
			if n > 2000 || k.now > deadline || !k.tick() {
				fail("with time alone %d of %d requests are answered, booted %d; waiting %v", len(k.done), client, k.booted, k.s.Summary().Waiting)
			}
		}
		if rapid.Bool().Draw(t, "well") { // else there is little left to stop
			k.fold(Request{Verb: VerbStart, Unit: p.Default})
			k.good()
		}
		k.fold(Shutdown{Kind: PowerOff})
		limit := k.now + ShutdownLimit
		for len(k.halts) == 0 {
			if !k.tick() || k.now > limit+time.Second {
				fail("the shutdown does not end: %v", k.s.Summary().Waiting)
			}
		}
		if len(k.halts) != 1 || k.booted != 1 {
			fail("%d halts, %d boots", len(k.halts), k.booted)
		}
		if len(k.broken) > 0 {
			fail("%s", strings.Join(k.broken, "\n"))
		}
	})
}

// genOrder draws an order that may say anything: that of another machine, cycles, what
// contradicts the plan.
func genOrder(t *rapid.T, p *plan.Plan) plan.Order {
	o := plan.Order{Marks: map[string][]plan.Mark{}, Ranks: map[string]time.Duration{}}
	unit := func() string {
		if n := rapid.IntRange(0, len(p.Units)).Draw(t, "of"); n < len(p.Units) {
			return p.Units[n].Name
		}
		return "gone.service"
	}
	for range rapid.IntRange(0, 12).Draw(t, "edges") {
		o.After = append(o.After, plan.Learned{Unit: unit(), On: unit(), Limit: time.Duration(rapid.IntRange(1, 10000).Draw(t, "limit")) * time.Millisecond})
	}
	for range rapid.IntRange(0, 12).Draw(t, "uses") {
		o.Uses = append(o.Uses, plan.Use{Unit: unit(), On: unit()})
	}
	o.Delay = map[string]time.Duration{unit(): time.Duration(rapid.IntRange(0, 30).Draw(t, "delay")) * time.Second}
	o.Width = rapid.IntRange(0, 3).Draw(t, "width")
	for range rapid.IntRange(0, 6).Draw(t, "marks") {
		o.Marks[unit()] = []plan.Mark{{Kind: "unix", Name: "/run/x"}}
	}
	for range rapid.IntRange(0, 6).Draw(t, "critical") {
		o.Critical = append(o.Critical, unit())
	}
	for range rapid.IntRange(0, 6).Draw(t, "ranks") {
		o.Ranks[unit()] = time.Duration(rapid.IntRange(0, 1000).Draw(t, "rank"))
	}
	return o
}

// say has a process of a unit say something by sd_notify.
func (k *kernel) say(t *rapid.T, name string) {
	u := k.s.byName[name]
	procs := k.of(name)
	if len(procs) == 0 {
		return
	}
	n := Notified{Unit: name, Invocation: u.invocation, PID: int(procs[0].token) + 1000}
	switch rapid.IntRange(0, 5).Draw(t, "word") {
	case 0:
		n.Reloading = true
	case 1:
		n.Stopping = true
	case 2:
		n.Ready = true
	case 3:
		n.Alive = true
	case 4:
		n.Trigger = true
	case 5:
		n.Extend = time.Second
	}
	k.fold(n)
}
