package supervisor

import (
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

// leaning boots a and b, of which b uses a by what was learned; both are always started
// again, a after a second and b after 100 ms.
func leaning(t *testing.T) *kernel {
	t.Helper()
	again := func(delay time.Duration) func(*plan.Unit) {
		return func(u *plan.Unit) {
			u.Service.Restart, u.Service.RestartDelay = plan.RestartAlways, delay
			u.StartLimit = plan.StartLimit{Interval: time.Minute, Burst: 3}
		}
	}
	k := newKernel(system(service("a", again(time.Second)), service("b", again(100*time.Millisecond))))
	k.fold(Learned{plan.Order{Uses: []plan.Use{{Unit: "b", On: "a"}}}})
	k.fold(Boot{})
	k.good()
	return k
}

// What fails because another one is down waits for that one and not for its own timer.
func TestBlameWaits(t *testing.T) {
	k := leaning(t)
	k.kill("a")
	k.kill("b")
	failed := k.now
	phases(t, k, map[string]Phase{"a": Backoff, "b": Backoff})
	if !strings.Contains(k.records[len(k.records)-1], "b failed: its main process ended by signal 9 (killed); this is charged to a, which it leans on and which is activating") {
		t.Errorf("%q", k.records)
	}
	for k.s.byName["b"].phase == Backoff && k.tick() {
		k.good()
	}
	if b := k.s.byName["b"]; b.begun-failed != time.Second || b.begun < k.s.byName["a"].active {
		t.Errorf("b was down %v", b.begun-failed)
	}
	if n := len(k.s.byName["b"].starts); n != 1 {
		t.Errorf("the start limit of b counts %d", n)
	}
}

// One that does not come back is not waited for longer than recovers.
func TestBlameEnds(t *testing.T) {
	k := leaning(t)
	k.s.byName["a"].Service.RestartDelay = time.Hour
	k.kill("a")
	k.kill("b")
	failed := k.now
	for k.s.byName["b"].phase == Backoff && k.tick() {
		k.good()
	}
	if down := k.now - failed; down != recovers {
		t.Errorf("b was down %v", down)
	}
	k.ask(VerbStop, "a")
	k.kill("b")
	if b := k.s.byName["b"]; b.blamed != nil || b.deadline-k.now != 100*time.Millisecond {
		t.Errorf("b waits for what is not to come: %v more", b.deadline-k.now)
	}
}

// A crash loop that follows a neighbour's is charged to the neighbour; one of its own is
// not.
func TestBlameLoop(t *testing.T) {
	k := leaning(t)
	for range 2 { // the third one ends a by its start limit
		k.kill("a")
		k.kill("b")
		for (k.s.byName["a"].phase != Running || k.s.byName["b"].phase != Running) && k.tick() {
			k.good()
		}
	}
	if n := len(k.s.byName["b"].starts); n != 1 {
		t.Errorf("the start limit of b counts %d", n)
	}
	k.kill("a") // it fails for good
	for k.s.byName["b"].phase != Failed {
		if k.s.byName["b"].phase == Running {
			k.kill("b")
		}
		if k.s.byName["b"].phase != Failed && !k.tick() {
			t.Fatal("nothing moves")
		}
		k.good()
	}
	phases(t, k, map[string]Phase{"a": Failed, "b": Failed})
}

// What notices late that another one was started again is started again at once, and
// once only.
func TestBlameLate(t *testing.T) {
	k := leaning(t)
	k.kill("a")
	for k.s.byName["a"].phase != Running && k.tick() {
		k.good()
	}
	k.kill("b")
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
	k.kill("b")
	phases(t, k, map[string]Phase{"a": Running, "b": Backoff})
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
}

// Stops go by what was learned: what uses another one stops before it, which waits no
// longer than usersLimit.
func TestStopsBeforeWhatItUses(t *testing.T) {
	k := leaning(t)
	k.deaf = func(p *proc) bool { return p.unit == "b" }
	k.fold(Request{Verb: VerbStop, Unit: "a", Client: 1})
	k.fold(Request{Verb: VerbStop, Unit: "b", Client: 2})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "b": StopTerm}) // a was asked first

	k = leaning(t)
	k.deaf = func(p *proc) bool { return p.unit == "b" }
	k.fold(Shutdown{Kind: PowerOff})
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": StopTerm})
	if v, _ := k.s.View("a"); len(v.WaitsFor) != 1 || v.WaitsFor[0] != "b, which uses it, to stop, at most 10s more" {
		t.Errorf("a waits for %q", v.WaitsFor)
	}
	began := k.now
	for k.s.byName["a"].phase == Running && k.tick() {
	}
	if k.now-began != usersLimit {
		t.Errorf("a was stopped after %v", k.now-began)
	}

	k = leaning(t)
	k.fold(Shutdown{Kind: PowerOff})
	k.good()
	if a, b := k.s.byName["a"], k.s.byName["b"]; len(k.halts) != 1 || a.fell < b.fell || k.now != time.Second {
		t.Errorf("%d halts at %v; a fell at %v and b at %v", len(k.halts), k.now, a.fell, b.fell)
	}
}

// Those that use each other stop all the same, and a shutdown is not held up for longer
// than patience.
func TestStopCycle(t *testing.T) {
	var units []plan.Unit
	o := plan.Order{}
	names := []string{"a", "b", "c", "d"}
	for i, n := range names {
		units = append(units, service(n, func(u *plan.Unit) {
			if i > 0 {
				u.After = []string{names[i-1]}
			}
		}))
		for _, on := range names {
			if on != n {
				o.Uses = append(o.Uses, plan.Use{Unit: n, On: on})
			}
		}
	}
	k := newKernel(system(units...))
	k.fold(Learned{o})
	k.fold(Boot{})
	k.good()
	k.fold(Shutdown{Kind: PowerOff})
	began := k.now
	for len(k.halts) == 0 {
		k.good()
		if len(k.halts) == 0 && !k.tick() {
			t.Fatal("nothing moves")
		}
	}
	if took := k.now - began; took > patience {
		t.Errorf("the shutdown took %v", took)
	}
}

// A restart with users takes down first what uses the unit, and brings it up last.
func TestRestartUsers(t *testing.T) {
	order := plan.Order{After: []plan.Learned{{Unit: "b", On: "a", Limit: 5 * time.Second}}, Uses: []plan.Use{{Unit: "c", On: "b"}}}
	k := newKernel(system(service("a"), service("b"), service("c"), service("d")))
	k.fold(Learned{order})
	k.fold(Boot{})
	k.good()
	before := len(k.trace)
	k.fold(Request{Verb: VerbRestart, Unit: "a", Users: true, Client: 1})
	k.good()
	var got []string
	for _, line := range k.trace[before:] {
		for _, u := range []string{"a", "b", "c", "d"} {
			if strings.Contains(line, "supervisor.SignalAll "+u+" ") {
				got = append(got, "stop "+u)
			}
			if strings.Contains(line, "supervisor.Spawn "+u+" ") {
				got = append(got, "start "+u)
			}
		}
	}
	if want := "stop c, stop b, stop a, start a, start b, start c"; strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
}
