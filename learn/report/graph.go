package report

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/learn/draw"
	"clarityos/learn/graph"
	"clarityos/learn/status"
	"clarityos/services/control"
)

// Graph is the graph beside what is declared, for --json too.
type Graph struct {
	Boots      int           `json:"boots"`
	Complete   bool          `json:"complete"` // the latest of them is
	Start      string        `json:"start"`    // what this boot was started by, and the next ones will be
	Edges      []status.Edge `json:"edges"`
	Undeclared []graph.Pair  `json:"undeclared"` // needs for which nothing is declared
	Unused     []graph.Pair  `json:"unused"`     // orders of two services of which no use was seen
}

// GraphOf sets what was learned against what is declared. Orders that the plan
// implies, by targets and components, are nobody's words.
func GraphOf(r status.GraphReply, declared []control.UnitRelations, all bool) Graph {
	v := Graph{Boots: r.Boots, Complete: r.Complete, Start: StartedBy(r), Edges: []status.Edge{}, Undeclared: []graph.Pair{}, Unused: []graph.Pair{}}
	after := map[string][]string{}
	for _, u := range declared {
		after[u.Name] = u.After
		for _, s := range u.SoftAfter {
			after[u.Name] = append(after[u.Name], s.Unit)
		}
	}
	used, declares := map[graph.Pair]bool{}, leadsTo(after)
	for _, e := range r.Edges {
		p := graph.Pair{Unit: e.Unit, On: e.On}
		used[p] = e.Verdict != graph.Coincidence && e.Verdict != graph.NotNeeded
		if e.Verdict == graph.Coincidence && !all {
			continue
		}
		v.Edges = append(v.Edges, e)
		if (e.Verdict == graph.Hard || e.Verdict == graph.Ordering) && !declares(e.Unit, e.On) {
			v.Undeclared = append(v.Undeclared, p)
		}
	}
	for _, u := range declared {
		for _, on := range after[u.Name] {
			p := graph.Pair{Unit: u.Name, On: on}
			if Service(u.Name) && Service(on) && !used[p] {
				v.Unused = append(v.Unused, p)
			}
		}
	}
	slices.SortFunc(v.Unused, graph.ComparePairs)
	return v
}

// StartedBy says by what boots are started.
func StartedBy(r status.GraphReply) string {
	by := "this one was started as declared"
	if r.Ordered {
		by = "this one was started by what they taught"
	}
	if r.Off > 0 {
		by += fmt.Sprintf(", and the next %s will be as declared: %s", draw.Count(r.Off, "boot"), r.OffWhy)
	}
	return by
}

// Service says whether a unit is a service that is no part of ClarityOS.
func Service(name string) bool {
	return strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "clarity-")
}

// leadsTo gives whether what is declared puts a unit after another one, by whatever way.
func leadsTo(after map[string][]string) func(unit, on string) bool {
	number := map[string]int{}
	of := func(u string) int {
		n, known := number[u]
		if !known {
			n = len(number)
			number[u] = n
		}
		return n
	}
	edges := map[int][]int{}
	for u, all := range after {
		n := of(u)
		for _, on := range all {
			edges[n] = append(edges[n], of(on))
		}
	}
	next := make([][]int, len(number))
	for n, all := range edges {
		next[n] = all
	}
	var from string
	var seen []bool // from there; edges come sorted by unit
	return func(unit, on string) bool {
		start, known := number[unit]
		to, declared := number[on]
		if !known || !declared {
			return false
		}
		if seen == nil || from != unit {
			from, seen = unit, make([]bool, len(next))
			queue := slices.Clone(next[start])
			for len(queue) > 0 {
				n := queue[len(queue)-1]
				queue = queue[:len(queue)-1]
				if !seen[n] {
					seen[n] = true
					queue = append(queue, next[n]...)
				}
			}
		}
		return seen[to]
	}
}

// Arrows gives the edges as they are drawn.
func (g Graph) Arrows() []draw.Edge {
	var out []draw.Edge
	for _, e := range g.Edges {
		out = append(out, draw.Edge{Unit: e.Unit, On: e.On, Loose: e.Verdict == graph.Coincidence || e.Verdict == graph.NotNeeded})
	}
	return out
}

// Share is how sure an edge is, of what it is about.
func Share(e status.Edge) string {
	p := e.P
	if e.Verdict == graph.Runtime {
		p = e.Steady
	}
	return fmt.Sprintf("%.1f%%", 100*p)
}

// says is a verdict in words: what stands between a unit and the other one, and behind.
func says(v graph.Verdict) (verb, tail string) {
	switch v {
	case graph.Hard:
		return "fails without", ""
	case graph.Ordering:
		return "needs", " to start"
	case graph.Runtime:
		return "uses", " when it runs"
	case graph.Unsure:
		return "may need", ""
	case graph.Coincidence:
		return "only happens to be ready after", ""
	case graph.NotNeeded:
		return "does not need", ""
	}
	return "has to do with", ""
}

// Why says in lines what an edge amounts to, and what speaks for it.
func Why(e status.Edge) string {
	verb, tail := says(e.Verdict)
	out := e.Unit + " " + verb + " " + e.On + tail + "\n"
	for _, line := range e.Why {
		out += "  " + line + "\n"
	}
	if e.Left != "" {
		out += "  it is not acted on: " + e.Left + "\n"
	}
	return out
}

// Nothing stands for the verdict on a pair that there is no edge of.
const Nothing graph.Verdict = "nothing"

// Difference is what one boot, or a person, has changed in what is known of a pair.
type Difference struct {
	graph.Pair
	Before graph.Verdict `json:"before"`
	After  graph.Verdict `json:"after"`
}

// Diff gives the pairs whose verdicts differ, but for coincidences.
func Diff(before, now []status.Edge) []Difference {
	verdicts := func(all []status.Edge) map[graph.Pair]graph.Verdict {
		out := map[graph.Pair]graph.Verdict{}
		for _, e := range all {
			if e.Verdict != graph.Coincidence {
				out[graph.Pair{Unit: e.Unit, On: e.On}] = e.Verdict
			}
		}
		return out
	}
	was, is := verdicts(before), verdicts(now)
	out := []Difference{}
	for p, v := range is {
		if b, known := was[p]; !known || b != v {
			if !known {
				b = Nothing
			}
			out = append(out, Difference{Pair: p, Before: b, After: v})
		}
	}
	for p, v := range was {
		if _, known := is[p]; !known {
			out = append(out, Difference{Pair: p, Before: v, After: Nothing})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return graph.ComparePairs(a.Pair, b.Pair) })
	return out
}
