package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

// deferring boots web, the goal, which needs db by what was learned, and two others.
func deferring(order plan.Order) *kernel {
	p := system(service("a", typed(plan.Notify)), service("b", typed(plan.Notify)), service("db", typed(plan.Notify)), service("web", typed(plan.Notify)))
	p.System.Goal = []string{"web"}
	k := newKernel(p)
	k.uncounted = true
	k.fold(Learned{order})
	k.fold(Boot{})
	for k.answer() {
	}
	return k
}

// What is deferred begins only when no task waits for a CPU, where that is counted.
func TestQuiet(t *testing.T) {
	k := deferring(webNeeds)
	k.uncounted = false
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "web": Running})
	if v, _ := k.s.View("a"); len(v.WaitsFor) != 1 || v.WaitsFor[0] != "the machine to be quiet, since the boot's goal does not need a, at most 30s more" {
		t.Errorf("a waits for %q", v.WaitsFor)
	}
	began := func(unit string) time.Duration {
		for k.s.byName[unit].phase == Dead && k.tick() {
			k.good()
		}
		return k.now
	}
	for range 20 { // busy
		k.stalled += quietEvery / quietShare
		k.tick()
		k.good()
	}
	if at := began("a"); at != 3*time.Second+quietEvery {
		t.Errorf("a began at %v", at)
	}
	if at := began("b"); at != 3*time.Second+2*quietEvery { // a has made it busy, as far as is known
		t.Errorf("b began at %v", at)
	}
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
}

var webNeeds = plan.Order{After: []plan.Learned{{Unit: "web", On: "db", Limit: 10 * time.Second}}}

// What the goal does not need begins once the goal is reached, one after the other.
func TestGoal(t *testing.T) {
	k := deferring(webNeeds)
	phases(t, k, map[string]Phase{"a": Dead, "b": Dead, "db": Start, "web": Dead})
	if v, _ := k.s.View("a"); len(v.WaitsFor) != 1 || v.WaitsFor[0] != "web, which goes first since the boot's goal does not need a, at most 30s more" {
		t.Errorf("a waits for %q", v.WaitsFor)
	}
	k.advance()
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Dead, "b": Dead, "db": Running, "web": Start})
	k.advance()
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Start, "b": Dead, "web": Running})
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running})
	if k.booted != 1 || k.now != time.Second {
		t.Errorf("%d boots at %v", k.booted, k.now)
	}
}

// A goal that is not reached holds nothing up for longer than goalMost, and without an
// order nobody knows what it needs.
func TestGoalGivesWay(t *testing.T) {
	k := deferring(webNeeds)
	for k.s.byName["a"].phase == Dead && k.tick() {
		for k.answer() {
		}
	}
	if k.now != time.Second+goalMost {
		t.Errorf("a began at %v", k.now)
	}
	phases(t, deferring(plan.Order{}), map[string]Phase{"a": Start, "b": Start, "db": Start, "web": Start})
}

// So many units start at a time, those first behind which most stands, and each takes its
// place for a bounded time.
func TestWidth(t *testing.T) {
	var units []plan.Unit
	order := plan.Order{Width: 2, Ranks: map[string]time.Duration{}}
	for i := range 5 {
		name := fmt.Sprintf("u%d", i)
		units = append(units, service(name, typed(plan.Notify)))
		order.Ranks[name] = time.Duration(i)
	}
	boot := func() *kernel {
		k := newKernel(system(slices.Clone(units)...))
		k.fold(Learned{order})
		k.fold(Boot{})
		for k.answer() {
		}
		return k
	}
	k := boot()
	phases(t, k, map[string]Phase{"u0": Dead, "u1": Dead, "u2": Dead, "u3": Start, "u4": Start})
	if v, _ := k.s.View("u0"); len(v.WaitsFor) != 2 || !strings.HasPrefix(v.WaitsFor[0], "u4, since 2 units start at a time, at most 1s more") {
		t.Errorf("u0 waits for %q", v.WaitsFor)
	}
	k.advance()
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"u0": Dead, "u1": Dead, "u2": Start})

	k = boot()
	for k.s.byName["u0"].phase == Dead && k.tick() {
		for k.answer() {
		}
	}
	if k.now != time.Second+2*widthMost {
		t.Errorf("u0 began at %v", k.now)
	}
}
