package graph

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"clarityos/services/plan"
)

// Need is an edge that is acted on at start.
type Need struct {
	Pair
	P    float64 // Edge.P of it
	Hard bool
}

// Left is an edge that would be acted on, and why it is not.
type Left struct {
	Pair
	Why string // "a cycle", of edges that are more sure, or "declared" to be the other way round
}

// Order is the needs of a model and its uses at run time, without cycles.
type Order struct {
	Needs []Need // by Unit and On
	Uses  []Pair // likewise: what stops go by besides
	Left  []Left // likewise: needs that are not acted on
}

// Needs gives the edges that are acted on, the surest first admitted, and needs before
// uses: one that closes a cycle with those and what is declared is left out. After is
// what is declared: the units that each one starts after.
func (m *Model) Needs(after map[string][]string) (o Order) {
	var all []Need
	for p, e := range m.Edges {
		if e.Needed() {
			all = append(all, Need{Pair: p, P: e.P(), Hard: e.Verdict() == Hard})
		}
	}
	slices.SortFunc(all, bySureness)
	learned := map[string][]string{}
	for _, n := range all {
		switch {
		case reaches(after, nil, n.On, n.Unit):
			o.Left = append(o.Left, Left{n.Pair, "it is declared the other way round"})
		case reaches(after, learned, n.On, n.Unit):
			o.Left = append(o.Left, Left{n.Pair, "it closes a cycle with needs that are more sure"})
		default:
			learned[n.Unit] = append(learned[n.Unit], n.On)
			o.Needs = append(o.Needs, n)
		}
	}
	for _, n := range m.runtime() {
		if !reaches(after, learned, n.On, n.Unit) {
			learned[n.Unit] = append(learned[n.Unit], n.On)
			o.Uses = append(o.Uses, n.Pair)
		}
	}
	slices.SortFunc(o.Uses, ComparePairs)
	slices.SortFunc(o.Needs, func(a, b Need) int { return ComparePairs(a.Pair, b.Pair) })
	slices.SortFunc(o.Left, func(a, b Left) int { return ComparePairs(a.Pair, b.Pair) })
	return o
}

// runtime gives the edges of use at run time, the surest first.
func (m *Model) runtime() (out []Need) {
	for p, e := range m.Edges {
		if e.Verdict() == Runtime {
			out = append(out, Need{Pair: p, P: e.Steady.P()})
		}
	}
	slices.SortFunc(out, bySureness)
	return out
}

// bySureness puts the surest first.
func bySureness(a, b Need) int { return cmp.Or(cmp.Compare(b.P, a.P), ComparePairs(a.Pair, b.Pair)) }

// reaches says whether there is a way from one unit to another along two sets of edges.
func reaches(declared, learned map[string][]string, from, to string) bool {
	seen := map[string]bool{from: true}
	queue := []string{from}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		if u == to {
			return true
		}
		for _, list := range [][]string{declared[u], learned[u]} {
			for _, next := range list {
				if !seen[next] {
					seen[next] = true
					queue = append(queue, next)
				}
			}
		}
	}
	return false
}

// Marks gives what others need of a unit when they start, and how sure that is: it is
// ready when all of it is there. Sorted, at most maxObjects.
func (m *Model) Marks(on string) (out []plan.Mark) {
	sure := map[plan.Mark]float64{}
	for p, e := range m.Edges {
		if p.On != on || !e.Needed() {
			continue
		}
		for _, o := range e.Objects {
			if o.Start && o.Age == 0 {
				k := plan.Mark{Kind: o.Kind, Name: o.Name}
				sure[k] = max(sure[k], e.P())
			}
		}
	}
	for k, p := range sure {
		out = append(out, plan.Mark{Kind: k.Kind, Name: k.Name, P: p})
	}
	slices.SortFunc(out, func(a, b plan.Mark) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out[:min(len(out), maxObjects)]
}

// Ranks gives how long it takes from the begin of each unit's start until everything
// is up that stands behind it: its upward rank (Topcuoglu, Hariri and Wu 2002), over
// learned spans. Before is, for each unit, those that start after it.
func (m *Model) Ranks(before map[string][]string) map[string]time.Duration {
	ranks, open := map[string]time.Duration{}, map[string]bool{}
	var rank func(string) time.Duration
	rank = func(u string) time.Duration {
		if r, known := ranks[u]; known {
			return r
		}
		if open[u] {
			return 0 // a cycle: whatever it is, it ends
		}
		open[u] = true
		var most time.Duration
		for _, next := range before[u] {
			most = max(most, rank(next))
		}
		ranks[u] = m.Units[u].Span() + most
		return ranks[u]
	}
	for _, u := range slices.Sorted(maps.Keys(m.Units)) {
		rank(u)
	}
	return ranks
}

// slack is the part of the boot's time by which a unit may be late without being on the
// critical path: what is learned of durations is no more exact.
const slack = 10

// Critical gives the units on the critical path (Kelley and Walker 1959), sorted: those
// that cannot be ready later without the last one of all being late. Ranks are those of
// Ranks.
func (m *Model) Critical(before map[string][]string, ranks map[string]time.Duration) (out []string) {
	begins := map[string]time.Duration{} // at the earliest
	var longest time.Duration
	for _, u := range slices.SortedFunc(maps.Keys(ranks), func(a, b string) int { return cmp.Or(cmp.Compare(ranks[b], ranks[a]), cmp.Compare(a, b)) }) {
		longest = max(longest, ranks[u])
		for _, next := range before[u] {
			if next == u {
				continue
			}
			begins[next] = max(begins[next], begins[u]+m.Units[u].Span())
		}
	}
	for u, rank := range ranks {
		if rank > 0 && begins[u]+rank >= longest-longest/slack {
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}
