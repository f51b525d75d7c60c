package report

import (
	"fmt"
	"strings"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
	"clarityos/learn/trial"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

const ms = time.Millisecond

// sample is a boot of a small machine: the shop needs what store makes, which only earlier
// boots have taught, and the mail has failed.
func sample() Answers {
	up := func(name, says string, queued, begun, up time.Duration) supervisor.View {
		return supervisor.View{Name: name, Description: says, Active: "active", Phase: supervisor.Running, Queued: queued * ms, Begun: begun * ms, Up: up * ms, Since: up * ms}
	}
	list := control.StatusReply{
		Now: 45_000 * ms, Kernel: 4500 * ms, Notes: []string{"there is no watchdog device: softdog stands in for it"},
		Summary: supervisor.Summary{State: "degraded", Default: "default.target", BootTime: 9000 * ms, Up: 9, Failed: []string{"mail.service"}},
		Units: []supervisor.View{
			up("clarity-devices.service", "Devices", 4520, 4520, 5600),
			up("clarity-setup.service", "File systems, host name and users", 4520, 5600, 5900),
			up("sysinit.target", "Set up", 4520, 5900, 5900),
			up("store.service", "What the shop sells", 4520, 5900, 5910),
			up("cache.service", "", 4520, 5900, 6400),
			up("shop.service", "The shop", 4520, 7100, 8700),
			up("gate.service", "What customers see", 4520, 8700, 9000),
			{Name: "mail.service", Active: "failed", Phase: supervisor.Failed, Queued: 4520 * ms, Begun: 5900 * ms, Since: 6700 * ms, Cause: "its main process exited with status 78", Description: "Mail"},
			{Name: "dry.service", Active: "inactive", Phase: supervisor.Dead, Queued: 4520 * ms, Since: 5901 * ms, Cause: "ConditionPathExists=/etc/dry does not hold"},
			{Name: "never.service", Active: "inactive", Phase: supervisor.Dead},
			{Name: "again.service", Active: "active", Phase: supervisor.Running, Queued: 5900 * ms, Begun: 6500 * ms, Up: 6510 * ms, Restarts: 2},
			up("later.service", "", 30_000, 30_000, 30_500),
			up("default.target", "All that boot starts", 4520, 9000, 9000),
		},
		Started: map[string]time.Duration{"shop.service": 900 * ms, "cache.service": 40 * ms},
	}
	after := func(name string, names ...string) control.UnitRelations {
		return control.UnitRelations{Name: name, Relations: plan.Relations{After: names}}
	}
	declared := []control.UnitRelations{
		after("clarity-devices.service"), after("clarity-setup.service", "clarity-devices.service"), after("sysinit.target", "clarity-setup.service"),
		after("store.service", "sysinit.target"), after("cache.service", "sysinit.target"), after("mail.service", "sysinit.target"), after("shop.service", "sysinit.target", "cache.service"),
		after("gate.service", "shop.service", "mail.service"), after("default.target", "gate.service", "mail.service", "cache.service"), after("again.service"), after("never.service"),
		{Name: "dry.service", Relations: plan.Relations{After: []string{"sysinit.target"}, SoftAfter: []plan.SoftAfter{{Unit: "later.service", Limit: time.Second}}}},
	}
	edge := func(unit, on string, v graph.Verdict, p float64, why ...string) status.Edge {
		return status.Edge{Unit: unit, On: on, Verdict: v, P: p, Steady: p, Seen: 3, Both: 3, Objects: []string{"unix /run/" + on}, Why: why, Span: 500 * ms}
	}
	before := []status.Edge{
		edge("shop.service", "store.service", graph.Ordering, .97, "shop.service got ENOENT on unix /run/store.sock 1.2s before store.service created it; seen in 2 of 2 boots"),
		edge("shop.service", "cache.service", graph.Unsure, .6, "shop.service talked to tcp 127.0.0.1:11211, which cache.service has; seen in 1 of 2 boots"),
	}
	now := []status.Edge{
		before[0],
		edge("shop.service", "cache.service", graph.Runtime, .96, "shop.service talked to tcp 127.0.0.1:11211, which cache.service has; seen in 2 of 3 boots", "that it uses it when it runs is sure to 96.0% (for it 1.80 boots, against it 0.64; older ones count less)"),
		edge("gate.service", "shop.service", graph.Hard, .99, "gate.service got ECONNREFUSED on tcp 127.0.0.1:8000 2.1s before shop.service listened there; seen in 3 of 3 boots", "when it missed that, its start failed and was tried again (sure to 98.2%)"),
		edge("mail.service", "store.service", graph.NotNeeded, .2, "a person has said that it is not needed (graph ignore)"),
		edge("mail.service", "cache.service", graph.Coincidence, .2, "only its timing"),
		edge("store.service", "gate.service", graph.Ordering, .95, "store.service used /run/gate, which gate.service had made; seen in 3 of 3 boots"),
	}
	now[5].Left = "it closes a cycle with needs that are more sure"
	a := Answers{
		Taken: time.Date(2026, 11, 28, 7, 0, 0, 0, time.UTC), BootID: "0c3b8a52-1f4e-4a6e-9a55-3a2f4be0a111",
		Machine:  Machine{Host: "shop-1", System: "ClarityOS", Kernel: "6.12.57+deb13-cloud-amd64", Arch: "x86_64", CPUs: 2, Memory: 512 << 20},
		List:     list,
		Declared: declared,
		Before:   &status.GraphReply{Boots: 2, Ordered: true, Edges: before},
		Now: &status.GraphReply{Boots: 3, Ordered: true, Edges: now, Complete: true,
			Latest: []trial.Brief{{Took: 12_400 * ms}, {Ordered: true}, {Took: 12_100 * ms, Failed: 1}, {Took: 9000 * ms, Ordered: true}}},
	}
	for i, u := range []string{"shop.service", "cache.service", "store.service", "gate.service"} {
		a.Profiles = append(a.Profiles, profileOf(u, float64(i+1))...)
	}
	return a
}

// profileOf is a profile that looks like a true one, all values of which grow with a factor.
func profileOf(unit string, factor float64) (out []status.ProfileReply) {
	for _, ph := range profiles.Phases() {
		r := status.ProfileReply{Unit: unit, Runs: 4, Restarts: 1, Before: 2, Phase: ph}
		for i, f := range profiles.Figures() {
			if !f.In(ph) || i > 6 {
				continue
			}
			v := factor * map[string]float64{"s": .2, "B": 3 << 20, "": 7}[f.Unit]
			m := status.MeasureView{Measure: f.Measure, Unit: f.UnitIn(ph), Median: v, P5: .8 * v, P95: 1.5 * v, Last: 1.3 * v, Count: 4, Weight: 3}
			for b := range 9 {
				low := v * (.7 + .1*float64(b))
				m.Bars = append(m.Bars, [3]float64{low, low + .1*v, []float64{.02, .1, .3, .25, .13, .08, .06, .04, .02}[b]})
			}
			r.Measures = append(r.Measures, m)
		}
		out = append(out, r)
	}
	return out
}

// hostile is a boot of so many units and edges, all words of which are as bad as can be.
func hostile(units, edges int) Answers {
	a := sample()
	bad := "<script>alert(1)</script>\"'`&{{.}}<!--\u202egnp.exe\u2066\x00\n</style>" + strings.Repeat("<W>", 3300)
	a.List.Units, a.Declared, a.Profiles = nil, nil, nil
	a.Machine = Machine{bad, bad, bad, bad, 1 << 30, 1 << 60}
	a.List.Summary.Default, a.List.Summary.State, a.BootID = bad, bad, bad
	a.List.Notes, a.Notes = []string{bad, bad}, []string{bad}
	name := func(i int) string { return fmt.Sprintf("%d%.240s", i, bad) } // no file could have a longer one
	a.Now.Edges, a.Before.Edges, a.Now.OffWhy, a.Now.Off = nil, nil, bad, 3
	for i := range units {
		u := supervisor.View{Name: name(i), Description: bad, Cause: bad, Active: "active", Queued: 1, Begun: time.Duration(i) * ms, Up: time.Duration(i+1) * ms}
		if i%5 == 1 {
			u.Active, u.Since = "failed", time.Duration(i+3)*ms
		}
		a.List.Units = append(a.List.Units, u)
		r := control.UnitRelations{Name: name(i)}
		for j := range 40 {
			r.After = append(r.After, name(max(i-j-1, 0)))
		}
		a.Declared = append(a.Declared, r)
		if i < 200 {
			p := profileOf(name(i), 1e300)
			for _, q := range p {
				for k := range q.Measures {
					q.Measures[k].Measure, q.Measures[k].Unit = profiles.Measure(bad), bad
				}
			}
			a.Profiles = append(a.Profiles, p...)
		}
		a.List.Summary.Failed = append(a.List.Summary.Failed, name(i))
	}
	verdicts := []graph.Verdict{graph.Hard, graph.Ordering, graph.Runtime, graph.Unsure, graph.Verdict(bad)}
	for i := range edges {
		e := status.Edge{Unit: name(i % max(units, 1)), On: name((i*7 + 1) % max(units, 1)), Verdict: verdicts[i%5], P: .9, Seen: 1 << 40, Both: 1 << 40, Left: bad}
		for range 20 {
			e.Why = append(e.Why, bad)
		}
		a.Now.Edges = append(a.Now.Edges, e)
	}
	return a
}
