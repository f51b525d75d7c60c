package graph

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

const ms = time.Millisecond

// boot is one that was seen whole, in which units began at once and were ready one
// after another.
func boot(id string, units []string, uses ...Use) *Boot {
	b := NewBoot(id)
	for i, u := range units {
		b.Started(Start{Unit: u, Begun: 1, Ready: time.Duration(i+1) * time.Second})
		b.Identified(u, "one")
	}
	for _, u := range uses {
		b.Use(u)
	}
	b.Whole = true
	b.Complete(0, time.Minute, nil)
	return b
}

var both = []string{"db.service", "app.service"}
var pair = Pair{"app.service", "db.service"}

func use(kind, object, failed string, start bool) Use {
	return Use{Unit: pair.Unit, On: pair.On, Kind: kind, Object: object, Failed: failed, Start: start}
}

func learned(boots ...*Boot) *Model {
	m := NewModel()
	for _, b := range boots {
		m = m.Learn(b)
	}
	return m
}

// The beta function at ½ has simple values for whole numbers.
func TestP(t *testing.T) {
	for _, c := range []struct{ a, b, want float64 }{
		{1, 1, .5}, {5, 1, math.Pow(.5, 5)}, {1, 5, 1 - math.Pow(.5, 5)}, {2, 2, .5}, {3, 2, 5. / 16}, {2, 3, 11. / 16}, {40, 1, math.Pow(.5, 40)}, {.5, .5, .5},
	} {
		if got := betaHalf(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("I(%v, %v) = %v, not %v", c.a, c.b, got, c.want)
		}
	}
}

// How many boots it takes to believe, and to stop to.
func TestBelief(t *testing.T) {
	for class, want := range map[Class]struct{ on, off int }{Timing: {}, Product: {2, 3}, Endpoint: {1, 3}, Missed: {1, 3}} {
		var b Belief
		on := 0
		for n := 1; n <= 50; n++ {
			if b = b.Seen(class); b.Held && on == 0 {
				on = n
			}
		}
		if on != want.on {
			t.Errorf("class %d is believed after %d boots, not %d", class, on, want.on)
		}
		off := 0
		for ; b.Held && off < 50; off++ {
			b = b.Unseen()
		}
		if off != want.off {
			t.Errorf("class %d is no longer believed after %d boots, not %d", class, off, want.off)
		}
	}
	var b Belief
	for range 5 {
		b = b.Seen(Endpoint)
	}
	if b = b.Changed().Unseen().Unseen(); b.Held {
		t.Errorf("of another binary, a need is still believed after two boots without it: %.3f", b.P())
	}
	if b = (Belief{}).Seen(Missed).Changed().Seen(Missed); !b.Held {
		t.Errorf("of another binary, the same need is believed: %.3f", b.P())
	}
}

func TestVerdict(t *testing.T) {
	hard := boot("1", both, use("unix", "/run/db", "ENOENT", true))
	hard.Started(Start{Unit: "app.service", Begun: 2, Ready: 3 * time.Second, Restarts: 2})
	late := boot("1", both, use("unix", "/run/db", "ENOENT", false))
	late.Started(Start{Unit: "app.service", Begun: 2, Ready: time.Minute + settles, Restarts: 1})
	settled := boot("1", both, use("unix", "/run/db", "ENOENT", false))
	settled.Started(Start{Unit: "app.service", Begun: 2, Ready: 2*time.Minute + settles, Restarts: 1})
	soon := boot("1", both, Use{Unit: pair.Unit, On: pair.On, Kind: "unix", Object: "/run/db", Failed: "ENOENT", At: 9 * time.Second})
	later := boot("1", both, Use{Unit: pair.Unit, On: pair.On, Kind: "unix", Object: "/run/db", Failed: "ENOENT", At: 11 * time.Second})
	for _, b := range []*Boot{soon, later} {
		b.Started(Start{Unit: "app.service", Begun: 1, Ready: 2})
	}
	near := boot("1", nil)
	near.Units["db.service"], near.Units["app.service"] = Run{Begun: 1, Ready: 100 * ms}, Run{Begun: 1, Ready: 150 * ms}
	for name, c := range map[string]struct {
		boots []*Boot
		want  Verdict
	}{
		"talks to it":           {[]*Boot{boot("1", both, use("unix", "/run/db", "", true))}, Ordering},
		"misses it":             {[]*Boot{boot("1", both, use("file", "/run/x", "ENOENT", true))}, Ordering},
		"fails without it":      {[]*Boot{hard}, Hard},
		"taken for a later use": {[]*Boot{late}, Hard},
		"misses it soon":        {[]*Boot{soon}, Ordering},
		"misses it later":       {[]*Boot{later}, Runtime},
		"much later":            {[]*Boot{settled}, Runtime},
		"reads, once":           {[]*Boot{boot("1", both, use("file", "/run/x", "", true))}, Unsure},
		"reads, twice":          {[]*Boot{boot("1", both, use("file", "/run/x", "", true)), boot("2", both, use("file", "/run/x", "", true))}, Ordering},
		"when it runs":          {[]*Boot{boot("1", both, use("tcp", "127.0.0.1:1", "", false))}, Runtime},
		"both":                  {[]*Boot{boot("1", both, use("tcp", "127.0.0.1:1", "", false), use("unix", "/run/db", "", true))}, Ordering},
		"near":                  {[]*Boot{near, near, near, near, near, near}, Coincidence},
		"near, then used":       {[]*Boot{near, near, boot("3", both, use("unix", "/run/db", "", true))}, Ordering},
		"of units that are not": {[]*Boot{boot("1", []string{"app.service"}, use("unix", "/run/db", "", true)), boot("2", []string{"app.service"}), boot("3", []string{"app.service"}), boot("4", []string{"app.service"})}, Ordering},
		"no more":               {[]*Boot{boot("1", both, use("unix", "/run/db", "", true)), boot("2", both), boot("3", both), boot("4", both)}, Unsure},
	} {
		m := learned(c.boots...)
		if e := m.Edges[pair]; e == nil || e.Verdict() != c.want {
			t.Errorf("%s: %+v, not %s", name, e, c.want)
		}
	}
	m := learned(boot("1", both, use("unix", "/run/db", "", true)))
	for i := range 20 {
		m = m.Learn(boot(string(rune('a'+i)), both))
	}
	if len(m.Edges) != 0 {
		t.Errorf("what was not seen for twenty boots is forgotten: %+v", m.Edges)
	}
}

// Learning leaves the model that it is called on as it is.
func TestLearnIsPure(t *testing.T) {
	before := learned(boot("1", both, use("unix", "/run/db", "ENOENT", true)))
	copied := before.Clone()
	before.Learn(boot("2", both, use("unix", "/run/db", "", true), use("file", "/run/y", "", false)))
	if !reflect.DeepEqual(before, copied) {
		t.Errorf("%+v\n%+v", before, copied)
	}
}

func TestWhy(t *testing.T) {
	missed := Use{Unit: pair.Unit, On: pair.On, Kind: "file", Object: "/run/redis.sock", Failed: "ENOENT", Start: true, At: 1000 * ms, Made: 1041*ms + 300*time.Microsecond}
	m := learned(boot("1", both, missed), boot("2", both, missed), boot("3", both, missed))
	got := m.Edges[pair].Why(pair)
	want := "app.service got ENOENT on /run/redis.sock 41.3ms before db.service created it; seen in 3 of 3 boots"
	if got[0] != want {
		t.Errorf("%q", got)
	}
	if len(got) != 2 || !strings.HasPrefix(got[1], "that it needs it to start is sure to 98.") {
		t.Errorf("%q", got)
	}
	for name, e := range map[string]*Edge{"a person has said that it is needed": {Said: Pinned}, "nothing is known": {}} {
		if got := e.Why(pair); !strings.Contains(got[0], name) {
			t.Errorf("%q", got)
		}
	}
}

func TestNeeds(t *testing.T) {
	m := NewModel()
	edge := func(unit, on string, boots int) {
		var b Belief
		for range boots {
			b = b.Seen(Missed)
		}
		m.Edges[Pair{unit, on}] = &Edge{Start: b}
	}
	edge("a.service", "b.service", 3)
	edge("b.service", "c.service", 2)
	edge("c.service", "a.service", 1)
	edge("d.service", "a.service", 1)
	edge("e.service", "d.service", 1)
	m.Edges[Pair{"e.service", "d.service"}].Said = Ignored
	o := m.Needs(map[string][]string{"a.service": {"x.target"}, "x.target": {"d.service"}})
	var got []string
	for _, n := range o.Needs {
		got = append(got, n.Unit+" "+n.On)
	}
	for _, l := range o.Left {
		got = append(got, l.Unit+" "+l.On+": "+l.Why)
	}
	want := []string{"a.service b.service", "b.service c.service",
		"c.service a.service: it closes a cycle with needs that are more sure", "d.service a.service: it is declared the other way round"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestRanks(t *testing.T) {
	m := NewModel()
	for name, span := range map[string]time.Duration{"a.service": 1, "b.service": 10, "c.service": 100, "d.service": 5} {
		m.Units[name] = &Known{Spans: []time.Duration{span}}
	}
	before := map[string][]string{"a.service": {"b.service", "d.service"}, "b.service": {"c.service"}, "c.service": {"c.service"}}
	got := m.Ranks(before)
	want := map[string]time.Duration{"a.service": 111, "b.service": 110, "c.service": 100, "d.service": 5}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := m.Critical(before, got); !slices.Equal(got, []string{"a.service", "b.service", "c.service"}) {
		t.Errorf("critical are %q", got)
	}
	m.Units["d.service"].Spans[0] = 110
	if got := m.Critical(before, m.Ranks(before)); !slices.Equal(got, []string{"a.service", "b.service", "c.service", "d.service"}) {
		t.Errorf("critical are %q", got)
	}
}

func TestMarks(t *testing.T) {
	m := learned(boot("1", []string{"db.service", "app.service", "web.service"}, use("unix", "/run/db", "", true), use("tcp", "127.0.0.1:1", "", false),
		Use{Unit: "web.service", On: "db.service", Kind: "unix", Object: "/run/db", Start: true}))
	if got, want := m.Marks("db.service"), []plan.Mark{{Kind: "unix", Name: "/run/db", P: .96875}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
