package train

import (
	"slices"
	"testing"
	"time"

	"clarityos/learn/graph"
)

const s = time.Second

// boot is one in which db is made after a second of its own and what waits for it is
// ready then; held is how long db is held back. Web and log start beside it, and need
// nothing; bad fails and is started again until db is there.
func boot(id string, held time.Duration) *graph.Boot {
	b := graph.NewBoot(id)
	b.Whole = true
	db := 12*s + held
	start := func(unit string, begun, ready time.Duration, restarts int) {
		b.Started(graph.Start{Unit: unit, Begun: begun, Ready: ready, Restarts: restarts})
	}
	start("db.service", 11*s+held, 11*s+held, 0)
	start("app.service", 10*s, 10*s, 0) // it says nothing when it is ready
	start("web.service", 10*s, 11*s+50*time.Millisecond, 0)
	start("log.service", 10*s, 10*s, 0)
	start("bad.service", 10*s, 10*s, int(held/s))
	b.Use(graph.Use{Unit: "app.service", On: "db.service", Kind: "unix", Object: "/run/db", Start: true, Failed: "ENOENT", At: 10 * s, Made: db})
	b.Use(graph.Use{Unit: "bad.service", On: "db.service", Kind: "unix", Object: "/run/db", Start: true, Failed: "ENOENT", At: 10 * s, Made: db})
	b.Use(graph.Use{Unit: "log.service", On: "db.service", Kind: "unix", Object: "/run/db", Start: true, At: 10 * s})
	b.Complete(0, 20*s, nil)
	return b
}

func model() (*graph.Model, *graph.Boot) {
	one := boot("1", 0)
	return graph.NewModel().Learn(one), one
}

func TestChoose(t *testing.T) {
	m, _ := model()
	got := Choose(m, 5)
	if len(got) != 1 || got[0].On != "db.service" || got[0].By != 2100*time.Millisecond || !slices.Equal(got[0].Units, []string{"app.service", "bad.service", "log.service", "web.service"}) {
		t.Errorf("%+v", got)
	}
	if got := Choose(m, 0); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	o := got[0].Order(&graph.Book{Before: m, Boot: graph.NewBoot("")}, nil)
	if len(o.After) != 0 || o.Delay["db.service"] != got[0].By {
		t.Errorf("%+v", o)
	}
}

func TestJudge(t *testing.T) {
	m, one := model()
	verdicts := func(all []Finding) map[string][2]graph.Verdict {
		out := map[string][2]graph.Verdict{}
		for _, f := range all {
			out[f.Unit] = [2]graph.Verdict{f.Before, f.After}
		}
		return out
	}
	d := Choose(m, 1)[0]
	got := Judge(m, d, one, boot("2", d.By))
	want := map[string][2]graph.Verdict{
		"app.service": {graph.Ordering, graph.Ordering},
		"bad.service": {graph.Ordering, graph.Hard},
		"log.service": {graph.Ordering, graph.Runtime}, // it uses it, and does not wait for it
		"web.service": {graph.Coincidence, graph.Coincidence},
	}
	for unit, w := range want {
		if verdicts(got)[unit] != w {
			t.Errorf("%s: %v, not %v", unit, verdicts(got)[unit], w)
		}
	}
	m, one = model()
	for _, f := range Judge(m, d, one, boot("2", d.By-s-1)) {
		if f.Before != f.After || f.Why != "db.service was not held back" {
			t.Errorf("%+v", f)
		}
	}
}

// What happens to wait without a word is found, although nothing was seen that it uses.
func TestJudgeHidden(t *testing.T) {
	m, one := model()
	d := Choose(m, 1)[0]
	two := boot("2", d.By)
	web := two.Units["web.service"]
	web.Ready += d.By + s
	two.Units["web.service"] = web
	Judge(m, d, one, two)
	if e := m.Edges[graph.Pair{Unit: "web.service", On: "db.service"}]; e.Verdict() != graph.Ordering || e.P() < .95 {
		t.Errorf("%s, %v", e.Verdict(), e.P())
	}
}

// A unit that another one has held up as long anyway shows nothing.
func TestJudgeHeldUp(t *testing.T) {
	m, one := model()
	d := Delay{On: "log.service", By: 2 * s, Units: []string{"app.service", "web.service"}}
	m.Edges[graph.Pair{Unit: "app.service", On: "log.service"}] = &graph.Edge{}
	two := boot("2", 3*s)
	log := two.Units["log.service"]
	log.Begun, log.Ready = 12*s, 12*s
	two.Units["log.service"] = log
	got := Judge(m, d, one, two)
	if len(got) != 1 || got[0].Before != got[0].After || got[0].Why != "app.service waited for db.service, which was there as late as log.service" {
		t.Errorf("%+v", got)
	}
}

func TestKilled(t *testing.T) {
	m, _ := model()
	if got := Kills(m); !slices.Equal(got, []string{"db.service"}) {
		t.Errorf("%q", got)
	}
	Killed(m, "db.service", map[string]bool{"app.service": true})
	for unit, fell := range map[string]int{"app.service": 1, "log.service": 0} {
		if e := m.Edges[graph.Pair{Unit: unit, On: "db.service"}]; e.Trained.Kills != 1 || e.Trained.Fell != fell {
			t.Errorf("%s: %+v", unit, e.Trained)
		}
	}
	if e := m.Edges[graph.Pair{Unit: "web.service", On: "db.service"}]; e.Trained != nil {
		t.Errorf("a coincidence: %+v", e.Trained)
	}
}
