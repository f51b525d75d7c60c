// Package train chooses what to do to boots so that causes can be told from
// coincidences, and judges what came of it. It takes values and gives values; who boots
// machines is the workstation's tool.
package train

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"clarityos/learn/graph"
	"clarityos/services/plan"
)

// Delay is a boot in which one unit is held back, to see which others that holds back.
type Delay struct {
	On    string
	By    time.Duration
	Units []string // that may need it, sorted
}

// Bounds of a delay: what does not need the unit is to be ready before it is, whatever
// emulation does to a boot.
const least, most = 2 * time.Second, 10 * time.Second

// Choose gives the boots that tell most, at most n: those about doubtful pairs first.
func Choose(m *graph.Model, n int) []Delay {
	units, doubts := map[string][]string{}, map[string]int{}
	for p, e := range m.Edges {
		switch e.Verdict() {
		case graph.NotNeeded:
			continue
		case graph.Unsure, graph.Coincidence, graph.Runtime: // a unit that says nothing when it is ready may need at once what it uses when it runs
			doubts[p.On]++
		}
		units[p.On] = append(units[p.On], p.Unit)
	}
	names := slices.SortedFunc(maps.Keys(units), func(a, b string) int {
		return cmp.Or(cmp.Compare(doubts[b], doubts[a]), cmp.Compare(len(units[b]), len(units[a])), cmp.Compare(a, b))
	})
	var out []Delay
	for _, on := range names[:min(n, len(names))] {
		slices.Sort(units[on])
		longest := time.Duration(0)
		for _, u := range append(units[on], on) {
			if k := m.Units[u]; k != nil && len(k.Spans) > 0 {
				longest = max(longest, slices.Max(k.Spans))
			}
		}
		out = append(out, Delay{on, min(max(least, 2*longest), most), units[on]})
	}
	return out
}

// Order gives what a boot with a delay is to be started by: what was learned, but that
// nothing waits for the unit that is held back unless it has to.
func (d Delay) Order(b *graph.Book, after map[string][]string) *plan.Order {
	o := b.Order(after)
	o.After = slices.DeleteFunc(o.After, func(e plan.Learned) bool { return e.On == d.On })
	o.Delay = map[string]time.Duration{d.On: d.By}
	return o
}

// Finding is what a boot with a delay has shown of a pair.
type Finding struct {
	graph.Pair
	Before graph.Verdict // what boots had shown without
	After  graph.Verdict // what it is with
	Why    string        // in words
}

// Judge adds to a model what a boot has shown in which d was done, beside one without. A
// unit that was of use before the one that was held back does not need it; that holds on
// a machine that is now fast and now slow, where times of two boots do not compare.
func Judge(m *graph.Model, d Delay, without, with *graph.Boot) (out []Finding) {
	first, there := with.First(), moment(with, d.On)
	for _, unit := range d.Units {
		p := graph.Pair{Unit: unit, On: d.On}
		e := m.Edges[p]
		if e == nil {
			continue
		}
		f := Finding{Pair: p, Before: e.Verdict(), After: e.Verdict()}
		a, b := with.Units[unit], without.Units[unit]
		switch {
		case with.Units[d.On].Begun-first < d.By:
			f.Why = fmt.Sprintf("%s was not held back", d.On)
		case a.Begun == 0 || b.Begun == 0:
			f.Why = fmt.Sprintf("%s did not start in both boots", unit)
		default:
			missed := missed(with, p)
			if other := heldUp(with, p, there); !missed && other != "" {
				f.Why = fmt.Sprintf("%s waited for %s, which was there as late as %s", unit, other, d.On)
				break
			}
			if e.Trained == nil {
				e.Trained = &graph.Trained{}
			}
			t := e.Trained
			t.Boots, t.Delay = t.Boots+1, t.Delay+d.By
			if missed || moment(with, unit) >= there {
				t.Waited++
			}
			if missed && (a.Restarts > b.Restarts || a.Failed && !b.Failed) {
				t.Fails++
			}
			f.After, f.Why = e.Verdict(), e.Why(p)[0]
		}
		out = append(out, f)
	}
	return out
}

// moment is when a unit was of use: ready, and with all that others need of it and all
// that it needed itself.
func moment(b *graph.Boot, unit string) time.Duration {
	at := b.Units[unit].Ready
	for i := range b.Uses {
		u := &b.Uses[i]
		if !b.Starts(u) {
			continue
		}
		if u.On == unit {
			at = max(at, u.Made)
		}
		if u.Unit == unit {
			at = max(at, u.At)
		}
	}
	return at
}

// heldUp gives another unit than the second of a pair that the first one needed something of
// in its start which was made at a moment or later: it would have waited so long anyway. ""
// is none.
func heldUp(b *graph.Boot, p graph.Pair, at time.Duration) string {
	for i := range b.Uses {
		if u := &b.Uses[i]; u.Unit == p.Unit && u.On != p.On && b.Starts(u) && u.Made >= at {
			return u.On
		}
	}
	return ""
}

// missed says whether the one of a pair looked for something of the other before it was
// there.
func missed(b *graph.Boot, p graph.Pair) bool {
	return slices.ContainsFunc(b.Uses, func(u graph.Use) bool {
		return u.Unit == p.Unit && u.On == p.On && u.Failed != "" && b.Starts(&u)
	})
}

// Killed adds to a model that a unit was killed, and which of those that use it failed
// soon after.
func Killed(m *graph.Model, on string, fell map[string]bool) {
	for p, e := range m.Edges {
		if p.On != on || e.Verdict() == graph.Coincidence || e.Verdict() == graph.NotNeeded {
			continue
		}
		if e.Trained == nil {
			e.Trained = &graph.Trained{}
		}
		e.Trained.Kills++
		if fell[p.Unit] {
			e.Trained.Fell++
		}
	}
}

// Kills gives the units that others use when they run, sorted: to kill one shows whether
// these can do without.
func Kills(m *graph.Model) []string {
	on := map[string]bool{}
	for p, e := range m.Edges {
		if v := e.Verdict(); v == graph.Runtime || v == graph.Hard || v == graph.Ordering {
			on[p.On] = true
		}
	}
	return slices.Sorted(maps.Keys(on))
}
