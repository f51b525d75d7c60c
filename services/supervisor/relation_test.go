package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

func (k *kernel) ask(verb Verb, unit string) {
	k.fold(Request{Verb: verb, Unit: unit, Client: uint64(len(k.done) + 1)})
	k.good()
}

func (k *kernel) kill(unit string) {
	k.exit(k.of(unit)[0], 0, 9)
	k.good()
}

// Each relation of systemd.unit(5): what becomes of the units when something
// happens to one of them.
func TestRelations(t *testing.T) {
	for _, c := range []struct {
		name string
		b    func(*plan.Unit) // what b has to do with a
		off  bool             // b is not started at boot
		do   func(*kernel)
		want map[string]Phase
	}{
		{"BindsTo: it goes when the other ends by itself", func(u *plan.Unit) { u.BindsTo, u.After = []string{"a"}, []string{"a"} }, false,
			func(k *kernel) { k.kill("a") }, map[string]Phase{"a": Failed, "b": Dead}},
		{"Requires: it stays when the other ends by itself", func(u *plan.Unit) { u.Requires = []string{"a"} }, false,
			func(k *kernel) { k.kill("a") }, map[string]Phase{"a": Failed, "b": Running}},
		{"BindsTo: a start pulls the other in", func(u *plan.Unit) { u.BindsTo = []string{"a"} }, true,
			func(k *kernel) { k.ask(VerbStop, "a"); k.ask(VerbStart, "b") }, map[string]Phase{"a": Running, "b": Running}},
		{"PartOf: a stop is passed on", func(u *plan.Unit) { u.PartOf = []string{"a"} }, false,
			func(k *kernel) { k.ask(VerbStop, "a") }, map[string]Phase{"a": Dead, "b": Dead}},
		{"PartOf: a start is not", func(u *plan.Unit) { u.PartOf = []string{"a"} }, false,
			func(k *kernel) { k.ask(VerbStop, "a"); k.ask(VerbStart, "a") }, map[string]Phase{"a": Running, "b": Dead}},
		{"StopPropagatedFrom", func(u *plan.Unit) { u.StopPropagatedFrom = []string{"a"} }, false,
			func(k *kernel) { k.ask(VerbStop, "a") }, map[string]Phase{"a": Dead, "b": Dead}},
		{"Requisite: nothing is started for it", func(u *plan.Unit) { u.Requisite = []string{"a"} }, true,
			func(k *kernel) { k.ask(VerbStop, "a"); k.ask(VerbStart, "b") }, map[string]Phase{"a": Dead, "b": Failed}},
		{"Requisite: it starts when the other is up", func(u *plan.Unit) { u.Requisite = []string{"a"} }, true,
			func(k *kernel) { k.ask(VerbStart, "b") }, map[string]Phase{"a": Running, "b": Running}},
		{"Upholds: the other is started whenever it ends", func(u *plan.Unit) { u.Upholds = []string{"a"} }, false,
			func(k *kernel) { k.exit(k.of("a")[0], 0, 0); k.good(); k.tick(); k.good() }, map[string]Phase{"a": Running, "b": Running}},
		{"Upholds: even when it was stopped", func(u *plan.Unit) { u.Upholds = []string{"a"} }, false,
			func(k *kernel) { k.ask(VerbStop, "a"); k.tick(); k.good() }, map[string]Phase{"a": Running, "b": Running}},
		{"Upholds: not once the upholder is gone", func(u *plan.Unit) { u.Upholds = []string{"a"} }, false,
			func(k *kernel) { k.ask(VerbStop, "b"); k.ask(VerbStop, "a") }, map[string]Phase{"a": Dead, "b": Dead}},
		{"OnFailure starts", func(u *plan.Unit) {}, true, func(k *kernel) {
			k.s.byName["a"].OnFailure = []string{"b"}
			k.s.link()
			k.kill("a")
		}, map[string]Phase{"a": Failed, "b": Running}},
		{"OnFailure is no OnSuccess", func(u *plan.Unit) {}, true, func(k *kernel) {
			k.s.byName["a"].OnFailure = []string{"b"}
			k.s.link()
			k.exit(k.of("a")[0], 0, 0)
			k.good()
		}, map[string]Phase{"a": Dead, "b": Dead}},
		{"OnSuccess starts", func(u *plan.Unit) {}, true, func(k *kernel) {
			k.s.byName["a"].OnSuccess = []string{"b"}
			k.s.link()
			k.exit(k.of("a")[0], 0, 0)
			k.good()
		}, map[string]Phase{"a": Dead, "b": Running}},
		{"StopWhenUnneeded", func(u *plan.Unit) { u.Requires = []string{"a"} }, false, func(k *kernel) {
			k.s.byName["default.target"].Wants = []string{"b"}
			k.s.byName["a"].StopWhenUnneeded = true
			k.s.link()
			k.ask(VerbStop, "b")
		}, map[string]Phase{"a": Dead, "b": Dead}},
		{"Conflicts: a start stops the other", func(u *plan.Unit) { u.Conflicts = []string{"a"} }, true,
			func(k *kernel) { k.ask(VerbStart, "b") }, map[string]Phase{"a": Dead, "b": Running}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := system(service("a"))
			b := service("b", c.b)
			p.Units = append(p.Units, b)
			if !c.off {
				p.Units[1].Wants = append(p.Units[1].Wants, "b")
			} else {
				p.Units[2].Enabled = false
			}
			k := newKernel(p)
			k.fold(Boot{})
			k.good()
			c.do(k)
			phases(t, k, c.want)
		})
	}
}

// What OnFailure= starts is told of whom it is about.
func TestMonitorEnvironment(t *testing.T) {
	k := newKernel(system(service("a", func(u *plan.Unit) { u.OnFailure = []string{"b"} })))
	b := service("b")
	k.s.plan.Units = append(k.s.plan.Units, b)
	k.s.Replace(k.s.plan)
	k.fold(Boot{})
	k.good()
	var env []string
	for _, a := range k.s.Fold(k.now, Exited{Token: k.of("a")[0].token, Signal: 9}) {
		if s, ok := a.(Spawn); ok && s.Unit.Name == "b" {
			env = s.Env
		}
	}
	for _, want := range []string{"MONITOR_UNIT=a", "MONITOR_SERVICE_RESULT=signal", "MONITOR_EXIT_CODE=killed", "MONITOR_EXIT_STATUS=KILL"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
}

func TestIsolate(t *testing.T) {
	p := system(service("a"), service("b"), service("c", func(u *plan.Unit) { u.IgnoreOnIsolate = true }),
		service("d", with(func(s *plan.Service) { s.Component = "log" })))
	p.Units = append(p.Units, plan.Unit{Name: "rescue.target", AllowIsolate: true, Relations: plan.Relations{Requires: []string{"b"}, After: []string{"b"}}})
	k := newKernel(p)
	k.fold(Boot{})
	k.good()
	k.ask(VerbIsolate, "a")
	if k.done[1].Outcome != OutcomeRefused {
		t.Errorf("isolate a: %+v", k.done[1])
	}
	k.ask(VerbIsolate, "rescue.target")
	phases(t, k, map[string]Phase{"a": Dead, "b": Running, "c": Running, "d": Running, "rescue.target": Running, "default.target": Dead})
}

// A soft order holds a start back for its time and no longer.
func TestSoftAfter(t *testing.T) {
	soft := func(u *plan.Unit) { u.SoftAfter = []plan.SoftAfter{{Unit: "a", Limit: 5 * time.Second}} }
	k := newKernel(system(service("a", typed(plan.Notify)), service("b", soft)))
	k.fold(Boot{})
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Start, "b": Dead})
	if v, _ := k.s.View("b"); len(v.WaitsFor) != 1 || !strings.Contains(v.WaitsFor[0], "a to start, at most 5s more") {
		t.Errorf("b waits for %q", v.WaitsFor)
	}
	k.tick()
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Start, "b": Running})
	if k.now != 6*time.Second {
		t.Errorf("b began at %v", k.now)
	}

	k = newKernel(system(service("a", typed(plan.Notify)), service("b", soft)))
	k.fold(Boot{})
	k.good()
	if k.now != time.Second || k.s.byName["b"].begun < k.s.byName["a"].active {
		t.Error("b did not wait for a")
	}
}

// Two units that are softly ordered after each other start all the same.
func TestSoftCycle(t *testing.T) {
	after := func(name string) func(*plan.Unit) {
		return func(u *plan.Unit) { u.SoftAfter = []plan.SoftAfter{{Unit: name, Limit: 5 * time.Second}} }
	}
	k := newKernel(system(service("a", after("b")), service("b", after("a"))))
	k.fold(Boot{})
	k.good()
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running, "default.target": Running})
}

// An order that was learned holds a start back until what it needs can be used, and no
// longer than its limit.
// All waits of a boot for what was learned end some time after the first, however long
// the chain.
func TestIdleGoesLast(t *testing.T) {
	k := newKernel(system(service("a", typed(plan.Idle)), service("b", typed(plan.Notify))))
	k.fold(Boot{})
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Dead, "b": Start})
	k.tick()
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Running, "b": Start})
	if k.now != time.Second+idleLimit {
		t.Errorf("a began at %v", k.now)
	}
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*plan.Unit)
		code   int
		kind   HaltKind
		forced bool
	}{
		{"FailureAction", func(u *plan.Unit) { u.FailureAction.Kind = "reboot" }, 1, Reboot, false},
		{"FailureAction of a success", func(u *plan.Unit) { u.FailureAction.Kind = "reboot" }, 0, "", false},
		{"SuccessAction", func(u *plan.Unit) { u.SuccessAction.Kind = "poweroff" }, 0, PowerOff, false},
		{"by force", func(u *plan.Unit) { u.FailureAction = plan.HaltAction{Kind: "reboot", Force: true} }, 1, Reboot, true},
		{"StartLimitAction", func(u *plan.Unit) {
			u.StartLimit = plan.StartLimit{Interval: time.Minute, Burst: 1, Action: plan.HaltAction{Kind: "poweroff"}}
			u.Service.Restart, u.Service.RestartDelay = plan.RestartAlways, 0
		}, 1, PowerOff, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKernel(system(service("a", c.change), service("b")))
			k.fold(Boot{})
			k.good()
			k.exit(k.of("a")[0], c.code, 0)
			if v, _ := k.s.View("b"); c.forced && (len(k.halts) != 1 || v.Phase != Running) {
				t.Errorf("not at once: %+v, b is %s", k.halts, v.Phase)
			}
			k.good()
			switch {
			case c.kind == "" && len(k.halts) > 0, c.kind != "" && (len(k.halts) != 1 || k.halts[0].Kind != c.kind):
				t.Errorf("%+v, want %s\n%s", k.halts, c.kind, strings.Join(k.trace, "\n"))
			}
		})
	}
}

func TestJobTimeout(t *testing.T) {
	k := newKernel(system(service("a", typed(plan.Notify)), service("b", requires("a"), func(u *plan.Unit) { u.JobTimeout = 3 * time.Second })))
	k.fold(Boot{})
	for k.answer() {
	}
	k.fold(Request{Verb: VerbStart, Unit: "b", Client: 1})
	k.tick()
	if d := k.done[1]; d.Outcome != OutcomeTimeout || !strings.Contains(d.Message, "waited for a to start") {
		t.Errorf("%+v", d)
	}
	phases(t, k, map[string]Phase{"a": Start, "b": Dead, "default.target": Dead})
}

// What is required starts again first, and a unit that fails for ever does not
// hold up the boot.
func TestRestartStartsWhatItNeeds(t *testing.T) {
	k := newKernel(system(service("db"), service("app", requires("db"), with(func(s *plan.Service) { s.Restart = plan.RestartAlways }))))
	k.fold(Boot{})
	k.good()
	k.kill("db")
	k.exit(k.of("app")[0], 1, 0)
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"db": Running, "app": Running})
}

// What a unit that fails for ever starts each time does not hold up the boot.
func TestOnFailureDoesNotHoldTheBoot(t *testing.T) {
	k := newKernel(system(
		service("a", with(func(s *plan.Service) { s.Restart = plan.RestartAlways }), func(u *plan.Unit) { u.OnFailure, u.StartLimit = []string{"b"}, plan.StartLimit{} }),
		service("b", typed(plan.Notify))))
	k.fold(Boot{})
	for k.now < 10*time.Minute {
		for k.answer() {
		}
		for _, p := range k.of("a") {
			k.exit(p, 1, 0)
		}
		if k.booted > 0 {
			break
		}
		k.tick()
	}
	if k.booted != 1 {
		t.Errorf("after %v the boot waits for %v", k.now, k.s.Summary().Waiting)
	}
}

// What most stands behind begins first.
// What the boot waits for goes before others until it is of use, for a bounded time.
// Training holds back a start of the boot, and nothing later.
