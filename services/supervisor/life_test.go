package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

// up boots a system of one service.
func up(t *testing.T, change ...func(*plan.Unit)) *kernel {
	t.Helper()
	k := newKernel(system(service("a", change...)))
	k.fold(Boot{})
	k.good()
	return k
}

func (k *kernel) notify(n Notified) {
	p := k.of("a")[0]
	n.Unit, n.Invocation, n.PID = "a", k.s.byName["a"].invocation, int(p.token)+1000
	k.fold(n)
}

func view(k *kernel) View { v, _ := k.s.View("a"); return v }

func TestWatchdog(t *testing.T) {
	dog := with(func(s *plan.Service) { s.Watchdog, s.Restart = 10*time.Second, plan.RestartOnWatchdog })
	k := up(t, typed(plan.Notify), dog)
	for range 3 {
		k.now += 9 * time.Second
		k.notify(Notified{Alive: true})
	}
	phases(t, k, map[string]Phase{"a": Running})
	k.notify(Notified{Watchdog: 2 * time.Second})
	if k.tick(); k.now != 28*time.Second+2*time.Second {
		t.Errorf("it was given until %v", k.now)
	}
	phases(t, k, map[string]Phase{"a": StopAbort})
	if !slices.ContainsFunc(k.trace, func(l string) bool { return strings.Contains(l, "SignalAll a 6") }) {
		t.Errorf("no SIGABRT\n%s", strings.Join(k.trace, "\n"))
	}
	k.good()
	phases(t, k, map[string]Phase{"a": Backoff})
	if v := view(k); v.Result != WatchdogHit {
		t.Errorf("%+v", v)
	}

	k = up(t, typed(plan.Notify), with(func(s *plan.Service) { s.Watchdog = time.Minute }))
	k.notify(Notified{Trigger: true})
	k.good()
	phases(t, k, map[string]Phase{"a": Failed})
}

func TestStoppingAndErrno(t *testing.T) {
	k := up(t, typed(plan.Notify))
	k.notify(Notified{Stopping: true, Errno: 5, Status: "bye", StatusSet: true})
	phases(t, k, map[string]Phase{"a": StopTerm})
	if v := view(k); v.Errno != 5 || v.Status != "bye" || v.Deadline == 0 {
		t.Errorf("%+v", v)
	}
	k.exit(k.of("a")[0], 0, 0)
	k.good()
	phases(t, k, map[string]Phase{"a": Dead})
}

func TestReloads(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		k := up(t, typed(plan.Notify))
		k.notify(Notified{Reloading: true})
		phases(t, k, map[string]Phase{"a": Reloading})
		k.notify(Notified{Ready: true})
		phases(t, k, map[string]Phase{"a": Running})
	})
	t.Run("notify-reload", func(t *testing.T) {
		k := up(t, typed(plan.Reloads))
		k.now += time.Second
		k.fold(Request{Verb: VerbReload, Unit: "a", Client: 1})
		k.notify(Notified{Ready: true}) // of something else
		k.notify(Notified{Reloading: true, ReloadedAt: 1})
		k.notify(Notified{Ready: true}) // of an earlier reload
		phases(t, k, map[string]Phase{"a": Reloading})
		k.notify(Notified{Reloading: true, ReloadedAt: k.now})
		k.notify(Notified{Ready: true})
		phases(t, k, map[string]Phase{"a": Running})
		if k.done[1].Outcome != OutcomeDone {
			t.Errorf("%+v", k.done[1])
		}
	})
	t.Run("that takes too long", func(t *testing.T) {
		k := up(t, typed(plan.Reloads))
		k.fold(Request{Verb: VerbReload, Unit: "a", Client: 1})
		k.tick()
		phases(t, k, map[string]Phase{"a": Running})
		if k.done[1].Outcome != OutcomeFailed {
			t.Errorf("%+v", k.done[1])
		}
	})
	t.Run("passed on", func(t *testing.T) {
		reload := with(func(s *plan.Service) { s.Reload = []plan.Command{{Path: "/bin/r", Argv: []string{"r"}}} })
		k := newKernel(system(service("a", func(u *plan.Unit) { u.PropagatesReloadTo = []string{"b"} }), service("b", reload)))
		k.fold(Boot{})
		k.good()
		k.fold(Request{Verb: VerbReload, Unit: "a", Client: 1})
		phases(t, k, map[string]Phase{"a": Running, "b": Reloading})
		k.good()
		phases(t, k, map[string]Phase{"b": Running})
	})
}

func TestRuntimeMax(t *testing.T) {
	k := up(t, with(func(s *plan.Service) { s.RuntimeMax = time.Minute }))
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Failed})
	if v := view(k); v.Result != Timeout || !strings.Contains(v.Cause, "RuntimeMaxSec=1m0s") {
		t.Errorf("%+v", v)
	}
}

func TestBusName(t *testing.T) {
	bus := func(u *plan.Unit) {
		u.Service.Type, u.Service.AwaitName = plan.DBus, []plan.Command{{Path: "/bin/n", Argv: []string{"n"}}}
	}
	k := newKernel(system(service("a", bus)))
	k.fold(Boot{})
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": StartName})
	k.good()
	phases(t, k, map[string]Phase{"a": Running})

	for _, role := range []Role{RoleMain, RoleControl} { // whichever ends first
		k = newKernel(system(service("a", bus)))
		k.fold(Boot{})
		for k.answer() {
		}
		for _, p := range k.of("a") {
			if p.role == role {
				k.exit(p, map[Role]int{RoleMain: 0, RoleControl: 1}[role], 0)
			}
		}
		k.good()
		phases(t, k, map[string]Phase{"a": Failed})
		if v := view(k); v.Result != Protocol {
			t.Errorf("%s: %+v", role, v)
		}
	}
}

func TestExitTypeCgroup(t *testing.T) {
	k := up(t, with(func(s *plan.Service) { s.ExitWithGroup = true }))
	p := k.of("a")[0]
	delete(k.procs, p.token)
	k.fold(Exited{Token: p.token, Populated: true})
	phases(t, k, map[string]Phase{"a": Running})
	k.fold(Emptied{Unit: "a"})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead})
}

func TestOOMPolicy(t *testing.T) {
	for policy, want := range map[plan.OOMPolicy]Phase{"": Failed, plan.OOMStop: Failed, plan.OOMContinue: Running} {
		k := up(t, with(func(s *plan.Service) { s.OOMPolicy = policy }))
		k.fold(OOMKilled{Unit: "a"})
		k.good()
		phases(t, k, map[string]Phase{"a": want})
		if v := view(k); want == Failed && v.Result != OutOfMemory {
			t.Errorf("%q: %+v", policy, v)
		}
	}
}

func TestFailureModes(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(*plan.Service)
		after []string // phases that follow the timeout of the start, then of each stop
	}{
		{"terminate", func(*plan.Service) {}, []string{"stop-sigterm", "stop-sigkill"}},
		{"abort", func(s *plan.Service) { s.StartFailureMode = plan.FailAbort }, []string{"stop-watchdog", "stop-sigkill"}},
		{"kill", func(s *plan.Service) { s.StartFailureMode = plan.FailKill }, []string{"stop-sigkill"}},
		{"abort of the stop", func(s *plan.Service) { s.StopFailureMode = plan.FailAbort }, []string{"stop-sigterm", "stop-watchdog", "stop-sigkill"}},
	} {
		k := newKernel(system(service("a", typed(plan.Notify), with(c.set))))
		k.deaf = func(*proc) bool { return true }
		k.fold(Boot{})
		for k.answer() {
		}
		for _, want := range c.after {
			k.tick()
			if v := view(k); string(v.Phase) != want {
				t.Errorf("%s: %s, want %s", c.name, v.Phase, want)
			}
		}
	}
}

func TestRestartKillSignalAndEnvironment(t *testing.T) {
	k := up(t, with(func(s *plan.Service) {
		s.RestartKillSignal = 10
		s.StopPost = []plan.Command{{Path: "/bin/p", Argv: []string{"p"}}}
	}))
	k.fold(Request{Verb: VerbRestart, Unit: "a", Client: 1})
	if !strings.Contains(strings.Join(k.trace, "\n"), "SignalAll a 10") {
		t.Errorf("%s", strings.Join(k.trace, "\n"))
	}
	var env []string
	for _, a := range k.s.Fold(k.now, Exited{Token: k.of("a")[0].token, Signal: 10}) {
		if s, ok := a.(Spawn); ok {
			env = s.Env
		}
	}
	for _, want := range []string{"SERVICE_RESULT=signal", "EXIT_CODE=killed", "EXIT_STATUS=USR1"} {
		if !slices.Contains(env, want) {
			t.Errorf("ExecStopPost= has %q, not %s", env, want)
		}
	}
}

func TestManualStartAndStop(t *testing.T) {
	k := up(t, func(u *plan.Unit) { u.RefuseStart, u.RefuseStop = true, true })
	for _, verb := range []Verb{VerbStart, VerbStop, VerbRestart} {
		k.fold(Request{Verb: verb, Unit: "a", Client: 1})
		if k.done[1].Outcome != OutcomeRefused {
			t.Errorf("%s: %+v", verb, k.done[1])
		}
		delete(k.done, 1)
	}
}

// Whether another run follows is told with the end of one, since what the
// service keeps may depend on it.
func TestEndTellsOfTheNextRun(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*plan.Service)
		do   func(*kernel) Event
		want bool
	}{
		{"Restart=, at once", func(s *plan.Service) { s.Restart, s.RestartDelay = plan.RestartAlways, 0 }, nil, true},
		{"Restart=, later", func(s *plan.Service) { s.Restart = plan.RestartAlways }, nil, true},
		{"no restart", func(*plan.Service) {}, nil, false},
		{"a restart job", func(*plan.Service) {}, func(*kernel) Event { return Request{Verb: VerbRestart, Unit: "a"} }, true},
		{"a stop job", func(s *plan.Service) { s.Restart = plan.RestartAlways }, func(*kernel) Event { return Request{Verb: VerbStop, Unit: "a"} }, false},
		{"a shutdown", func(s *plan.Service) { s.Restart = plan.RestartAlways }, func(*kernel) Event { return Shutdown{Kind: Reboot} }, false},
	} {
		k := up(t, with(c.set))
		p := k.of("a")[0]
		if c.do != nil {
			k.fold(c.do(k))
		}
		ends := 0
		for _, a := range k.s.Fold(k.now, Exited{Token: p.token, Signal: 9}) {
			if e, ok := a.(End); ok && e.Unit.Name == "a" {
				if ends++; e.Again != c.want {
					t.Errorf("%s: again %v, want %v", c.name, e.Again, c.want)
				}
			}
		}
		if ends != 1 {
			t.Errorf("%s: %d ends", c.name, ends)
		}
	}
}
