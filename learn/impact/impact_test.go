package impact

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"clarityos/learn/graph"
	"clarityos/learn/status"
	"clarityos/services/control"
	"clarityos/services/plan"
)

const ms = time.Millisecond

func TestOf(t *testing.T) {
	relations := []control.UnitRelations{
		{Name: "bound", Relations: plan.Relations{BindsTo: []string{"db"}}},
		{Name: "part", Relations: plan.Relations{PartOf: []string{"bound"}}},
		{Name: "db"}, {Name: "app"}, {Name: "web"}, {Name: "once"}, {Name: "other"},
	}
	edges := []status.Edge{
		{Unit: "app", On: "db", Verdict: graph.Hard, P: .9, Steady: .9, Objects: []string{"unix /run/db"}},
		{Unit: "web", On: "app", Verdict: graph.Runtime, Steady: .5},
		{Unit: "once", On: "db", Verdict: graph.Ordering, P: .8},
		{Unit: "late", On: "web", Verdict: graph.Ordering, P: 1},     // web only degrades
		{Unit: "other", On: "db", Verdict: graph.Coincidence, P: 1},  // only its timing
		{Unit: "part", On: "db", Verdict: graph.Runtime, Steady: 1},  // it stops anyway
		{Unit: "db", On: "app", Verdict: graph.Runtime, Steady: 1},   // both use each other
		{Unit: "rare", On: "db", Verdict: graph.Unsure, Steady: .04}, // hardly ever
		{Unit: "fragile", On: "db", Verdict: graph.Runtime, Steady: .9, Kills: 2, Fell: 1},
		{Unit: "tough", On: "db", Verdict: graph.Runtime, Steady: .9, Kills: 2},
		{Unit: "said", On: "db", Verdict: graph.NotNeeded, Steady: .9}, // a person says no
	}
	spans := map[string]Span{"db": {100 * ms, 400 * ms}, "bound": {10 * ms, 20 * ms}}
	got := Of("db", relations, edges, func(u string) Span { return spans[u] })
	var lines []string
	for _, e := range got.Effects {
		lines = append(lines, fmt.Sprintf("%s %s %.2f %v by %s: %s", e.Unit, e.Kind, e.P, e.For, e.Via, e.Why))
	}
	want := []string{
		"bound stops 1.00 530ms by db: it has BindsTo=db",
		"part stops 1.00 0s by bound: it has PartOf=bound",
		"fragile stops 0.50 500ms by db: it failed 1 of 2 times that training killed db",
		"app degrades 0.90 500ms by db: it uses unix /run/db of db when it runs",
		"tough degrades 0.90 500ms by db: it uses db when it runs",
		"web degrades 0.45 500ms by app: it uses app when it runs",
		"once held 0.80 500ms by db: it needs db to start",
	}
	if got.For != 500*ms || !slices.Equal(lines, want) {
		t.Errorf("%v: %q", got.For, lines)
	}
}

// Whatever is declared and shown, each unit is in it once, and what it follows from is
// too, which is at least as sure.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := func() string { return fmt.Sprint(rapid.IntRange(0, 7).Draw(t, "unit")) }
		var relations []control.UnitRelations
		for i := range 8 {
			u := control.UnitRelations{Name: fmt.Sprint(i)}
			if rapid.Bool().Draw(t, "requires") {
				u.Requires = []string{unit()}
			}
			relations = append(relations, u)
		}
		var edges []status.Edge
		for range rapid.IntRange(0, 20).Draw(t, "edges") {
			edges = append(edges, status.Edge{Unit: unit(), On: unit(), P: rapid.Float64Range(0, 1).Draw(t, "p"), Steady: rapid.Float64Range(0, 1).Draw(t, "steady")})
		}
		got := Of("0", relations, edges, func(string) Span { return Span{ms, ms} })
		p := map[string]float64{"0": 1}
		for _, e := range got.Effects {
			if _, twice := p[e.Unit]; twice {
				t.Fatalf("%s is twice in %+v", e.Unit, got)
			}
			p[e.Unit] = e.P
		}
		for _, e := range got.Effects {
			if via, known := p[e.Via]; !known || via < e.P {
				t.Fatalf("%+v follows from one of %v", e, p)
			}
		}
	})
}
