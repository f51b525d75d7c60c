package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

func TestLearned(t *testing.T) {
	order := plan.Order{After: []plan.Learned{{Unit: "b", On: "a", Limit: 5 * time.Second}}, Marks: map[string][]plan.Mark{"a": {{Kind: "unix", Name: "/run/x"}}}}
	boot := func(blind bool, units ...plan.Unit) *kernel {
		k := newKernel(system(units...))
		k.blind = blind
		k.fold(Learned{order})
		k.fold(Boot{})
		for k.answer() {
		}
		return k
	}
	k := boot(true, service("a"), service("b"))
	phases(t, k, map[string]Phase{"a": Running, "b": Dead})
	if v, _ := k.s.View("b"); len(v.WaitsFor) != 1 || v.WaitsFor[0] != "a, which it needed in earlier boots, at most 5s more" {
		t.Errorf("b waits for %q", v.WaitsFor)
	}
	k.blind = false
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
	if k.now != time.Second+lookEvery {
		t.Errorf("b began at %v", k.now)
	}

	k = boot(true, service("a"), service("b"))
	for k.s.byName["b"].phase == Dead {
		k.tick()
		k.good()
	}
	if k.now != 6*time.Second {
		t.Errorf("b began at %v", k.now)
	}
	for k.s.byName["a"].look.until > 0 && k.tick() {
		k.good()
	}
	if k.now != time.Second+lookMost || !strings.Contains(strings.Join(k.records, "\n"), "a counts as ready although it has been up for 30s without what it had in earlier boots: unix /run/x") {
		t.Errorf("at %v: %q", k.now, k.records)
	}

	k = boot(true, service("a", typed(plan.Notify)), service("b"))
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
	if k.now != time.Second {
		t.Errorf("what says itself when it is ready was looked at until %v", k.now)
	}

	k = boot(false, service("b"))
	k.good()
	phases(t, k, map[string]Phase{"b": Running})
}

func TestPatience(t *testing.T) {
	var units []plan.Unit
	var order plan.Order
	order.Marks = map[string][]plan.Mark{}
	for i := range 20 {
		name := fmt.Sprintf("u%02d", i)
		units = append(units, service(name))
		order.Marks[name] = []plan.Mark{{Kind: "unix", Name: "/run/never"}}
		if i > 0 {
			order.After = append(order.After, plan.Learned{Unit: name, On: fmt.Sprintf("u%02d", i-1), Limit: 9 * time.Second})
		}
	}
	k := newKernel(system(units...))
	k.blind = true
	k.fold(Learned{order})
	k.fold(Boot{})
	for k.booted == 0 {
		k.good()
		if !k.tick() {
			t.Fatal("nothing moves")
		}
	}
	if took := k.now - time.Second; took > patience {
		t.Errorf("the boot took %v", took)
	}
}

func TestRanks(t *testing.T) {
	s := New(system(service("a"), service("b"), service("c"), service("d")))
	s.Fold(0, Learned{plan.Order{Ranks: map[string]time.Duration{"b": time.Second, "d": 3 * time.Second, "c": 2 * time.Second, "none": time.Hour}}})
	var began []string
	for _, a := range s.Fold(0, Boot{}) {
		if a, ok := a.(Spawn); ok {
			began = append(began, a.Unit.Name)
		}
	}
	if want := []string{"d", "c", "b", "a"}; !slices.Equal(began, want) {
		t.Errorf("they begin as %q", began)
	}
}

func TestFavoured(t *testing.T) {
	order := plan.Order{After: []plan.Learned{{Unit: "b", On: "a", Limit: time.Minute}}, Marks: map[string][]plan.Mark{"a": {{Kind: "unix", Name: "/run/x"}}}, Critical: []string{"a", "c", "gone"}}
	k := newKernel(system(service("a"), service("b"), service("c", typed(plan.Notify)), service("d")))
	k.blind = true
	favoured := func() (out []string) {
		for _, p := range k.all() {
			if p.favoured {
				out = append(out, p.unit)
			}
		}
		return out
	}
	k.fold(Learned{order})
	k.fold(Boot{})
	for k.answer() {
	}
	if got := favoured(); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("favoured are %q", got)
	}
	k.blind = false
	k.tick()
	for k.answer() {
	}
	if got := favoured(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("once a is ready it is %q", got)
	}
	for len(favoured()) > 0 && k.tick() {
	}
	if k.now != time.Second+favouredMost || k.s.byName["c"].phase != Start {
		t.Errorf("c, which is %s, is favoured until %v", k.s.byName["c"].phase, k.now)
	}
	k.good()
	k.ask(VerbRestart, "a")
	if got := favoured(); got != nil || len(k.broken) > 0 {
		t.Errorf("after the boot it is %q; %q", got, k.broken)
	}
}

func TestTrainingDelay(t *testing.T) {
	k := newKernel(system(service("a"), service("b")))
	k.fold(Learned{plan.Order{Delay: map[string]time.Duration{"a": 3 * time.Second}}})
	k.fold(Boot{})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "b": Running})
	if v, _ := k.s.View("a"); len(v.WaitsFor) != 1 || v.WaitsFor[0] != "the end of a delay that training has set, at most 3s more" {
		t.Errorf("a waits for %q", v.WaitsFor)
	}
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Running})
	k.ask(VerbRestart, "a")
	phases(t, k, map[string]Phase{"a": Running})
	if k.now != 4*time.Second {
		t.Errorf("a was up at %v", k.now)
	}
}
