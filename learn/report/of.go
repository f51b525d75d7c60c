package report

import (
	"cmp"
	"slices"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
	"clarityos/learn/trial"
	"clarityos/services/control"
)

// Answers is what a report is made of.
type Answers struct {
	Taken    time.Time
	Machine  Machine
	BootID   string
	List     control.StatusReply
	Declared []control.UnitRelations
	Before   *status.GraphReply // what was known before this boot; nil: not told
	Now      *status.GraphReply // what is known; nil: not told
	Profiles []status.ProfileReply
	Notes    []string
}

// Of makes a report.
func Of(a Answers) *Report {
	s := a.List.Summary
	r := &Report{Version: Version, Taken: a.Taken, Machine: a.Machine, Later: []string{}, Profiles: []status.ProfileReply{}, Notes: append([]string{}, a.Notes...)}
	r.Boot = Boot{ID: a.BootID, Target: s.Default, State: s.State, Kernel: a.List.Kernel, Complete: s.BootTime, Up: s.Up, Failed: append([]string{}, s.Failed...), Notes: append([]string{}, a.List.Notes...)}
	r.Boot.Settled = (&graph.Boot{Took: s.BootTime}).Settled(a.List.Now)
	var later []string
	r.Units, later, r.Boot.End = Lives(a.List)
	r.Later = append(r.Later, later...)
	var learned []graph.Pair
	if a.Now != nil {
		g := GraphOf(*a.Now, a.Declared, false)
		r.Graph = &g
		r.Boot.Ordered, r.Boot.Off, r.Boot.OffWhy = a.Now.Ordered, a.Now.Off, a.Now.OffWhy
		if a.Now.Notice != "" {
			r.Notes = append(r.Notes, a.Now.Notice)
		}
	}
	if a.Before != nil && a.Now != nil && a.Now.Ordered {
		for _, e := range a.Before.Edges {
			if (e.Verdict == graph.Hard || e.Verdict == graph.Ordering) && e.Left == "" {
				learned = append(learned, graph.Pair{Unit: e.Unit, On: e.On})
			}
		}
	}
	waits(r.Units, orderOf(a.Declared, learned))
	r.Path = CriticalPath(r.Units, goal(r.Units, r.Boot))
	place := map[string]int{}
	for i, l := range r.Path {
		place[l.Unit] = i
	}
	slices.SortStableFunc(r.Units, func(a, b Unit) int { // those that began together, as they waited for each other
		return cmp.Or(cmp.Compare(a.Begun, b.Begun), cmp.Compare(a.started(), b.started()), cmp.Compare(place[a.Name], place[b.Name]))
	})
	for _, p := range a.Profiles {
		if p.Runs+p.Before > 0 || len(p.Measures) > 0 {
			r.Profiles = append(r.Profiles, p)
		}
	}
	r.Changes = changes(r, a)
	return r
}

func changes(r *Report, a Answers) Changes {
	c := Changes{Graph: []Difference{}, Units: []Change{}, Boots: []trial.Brief{}}
	if a.Before != nil && a.Now != nil {
		c.Graph = Diff(a.Before.Edges, a.Now.Edges)
		c.Boots, c.This = append(c.Boots, a.Now.Latest...), a.Now.Complete
	}
	took := map[string]time.Duration{}
	for _, u := range r.Units {
		if u.Ready > 0 && u.Ready >= u.Begun {
			took[u.Name] = u.Ready - u.Begun
		}
	}
	for _, p := range r.Profiles {
		t, started := took[p.Unit]
		i := slices.IndexFunc(p.Measures, func(m status.MeasureView) bool { return m.Measure == profiles.Duration })
		if p.Phase != profiles.Start || !started || i < 0 {
			continue
		}
		m := p.Measures[i]
		span := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
		c.Units = append(c.Units, Change{p.Unit, t, span(m.Median), span(m.P5), span(m.P95), int(m.Count)})
	}
	slices.SortStableFunc(c.Units, func(a, b Change) int { return cmp.Compare(b.apart(), a.apart()) })
	return c
}

// apart is by how much a start differed from what is usual.
func (c Change) apart() time.Duration { return (c.Took - c.Usual).Abs() }
