package graph

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Pair is a unit and the one that it may need.
type Pair struct {
	Unit string `json:"unit"`
	On   string `json:"on"`
}

// ComparePairs orders by Unit, then by On.
func ComparePairs(a, b Pair) int {
	return cmp.Or(strings.Compare(a.Unit, b.Unit), strings.Compare(a.On, b.On))
}

// Model is what boots have taught. Use NewModel.
type Model struct {
	Boots int // that it has learned of
	Same  int // … the latest of them in a row that changed no need and had no unit that had changed
	Edges map[Pair]*Edge
	Units map[string]*Known
}

// Known is what is known of a unit by itself.
type Known struct {
	Identity string          `json:"identity,omitempty"`
	Spans    []time.Duration `json:"spans,omitempty"` // of its latest starts, the newest last
}

// Edge is what is known of a pair.
type Edge struct {
	Start   Belief   `json:"start,omitzero"`    // it needs the other one to start
	Fatal   Belief   `json:"fatal,omitzero"`    // its start fails when the other one is not there
	Steady  Belief   `json:"steady,omitzero"`   // it uses the other one when it runs
	Objects []Object `json:"objects,omitempty"` // what it uses, the most lately used first
	Seen    int      `json:"seen"`              // boots in which it was used
	Both    int      `json:"both"`              // boots in which both ran, since it was first used
	Said    Said     `json:"said,omitempty"`
	Trained *Trained `json:"trained,omitempty"` // nil: never
}

// Trained is what boots have shown in which the other unit was held back or killed. It
// says more than what is only seen, until one of the two changes.
type Trained struct {
	Boots  int           `json:"boots"`           // in which the other one was held back
	Delay  time.Duration `json:"delay"`           // in all of them together
	Waited int           `json:"waited"`          // boots in which the unit was of use only after it
	Fails  int           `json:"fails,omitempty"` // … in which its start failed for it
	Kills  int           `json:"kills,omitempty"` // how often the other one was killed while it ran
	Fell   int           `json:"fell,omitempty"`  // … and it failed soon after
}

// Said is what a person has said of a pair.
type Said string

// What can be said; "" is nothing.
const (
	Pinned  Said = "pinned"  // it is needed, whatever boots show
	Ignored Said = "ignored" // it is not
)

// Object is what one unit uses of another.
type Object struct {
	Kind   string        `json:"kind"`
	Name   string        `json:"name"`
	Start  bool          `json:"start,omitempty"`  // it was used before the unit was ready
	Failed string        `json:"failed,omitempty"` // the error of the last time that it was missed
	Gap    time.Duration `json:"gap,omitempty"`    // from then until it was there
	Seen   int           `json:"seen"`             // boots in which it was used
	Missed int           `json:"missed,omitempty"` // … in which it was missed first
	Age    int           `json:"age,omitempty"`    // boots of the pair since it was used last
}

// Agreed is after how many boots in a row that taught nothing new one need not see a boot
// from its first moment.
const Agreed = 2

// Bounds of a model.
const (
	maxEdges   = 4096
	maxObjects = 8
	maxSpans   = 8
	// stale is how little evidence is forgotten: that of one boot, some eight later.
	stale = 0.15
)

// NewModel makes a model that knows nothing.
func NewModel() *Model { return &Model{Edges: map[Pair]*Edge{}, Units: map[string]*Known{}} }

// Pairs gives those that something is known of, in their order.
func (m *Model) Pairs() []Pair { return slices.SortedFunc(maps.Keys(m.Edges), ComparePairs) }

// Verdict is what an edge amounts to.
type Verdict string

// The verdicts. The first two are acted on at start.
const (
	Hard        Verdict = "hard"        // it fails without it
	Ordering    Verdict = "ordering"    // it waits for it, or tries again
	Runtime     Verdict = "runtime"     // it uses it when it runs, not to start
	Unsure      Verdict = "unsure"      // not seen often enough, or no longer
	Coincidence Verdict = "coincidence" // only its timing would speak for it
	NotNeeded   Verdict = "ignored"     // a person has said so
)

// Verdict gives what an edge amounts to.
func (e *Edge) Verdict() Verdict {
	switch {
	case e.Said == Ignored:
		return NotNeeded
	case e.Trained != nil && e.Trained.Boots > 0 && e.Trained.Fails > 0:
		return Hard
	case e.Trained != nil && e.Trained.Boots > 0 && (2*e.Trained.Waited >= e.Trained.Boots || e.Said == Pinned):
		return Ordering
	case e.Trained != nil && e.Trained.Boots > 0 && max(e.Start.Class, e.Steady.Class) > Timing:
		return Runtime
	case e.Trained != nil && e.Trained.Boots > 0:
		return Coincidence
	case e.Start.Held && e.Fatal.Held:
		return Hard
	case e.Start.Held || e.Said == Pinned:
		return Ordering
	case e.Steady.Held:
		return Runtime
	case e.Start.Class == Timing && e.Steady.Class == 0:
		return Coincidence
	}
	return Unsure
}

// P is how sure it is that the unit needs the other one to start, 0 to 1.
func (e *Edge) P() float64 {
	switch {
	case e.Said == Pinned:
		return 1
	case e.Trained == nil || e.Trained.Boots == 0:
		return e.Start.P()
	case e.Needed():
		return trainedP
	}
	return 1 - trainedP
}

// trainedP is how sure one is of what training has shown.
const trainedP = .99

// Needed says whether an edge is acted on at start.
func (e *Edge) Needed() bool { v := e.Verdict(); return v == Hard || v == Ordering }

// Clone gives a model that changes by itself.
func (m *Model) Clone() *Model {
	out := &Model{Boots: m.Boots, Same: m.Same, Edges: make(map[Pair]*Edge, len(m.Edges)), Units: make(map[string]*Known, len(m.Units))}
	for p, e := range m.Edges {
		c := *e
		c.Objects = slices.Clone(e.Objects)
		if e.Trained != nil {
			t := *e.Trained
			c.Trained = &t
		}
		out.Edges[p] = &c
	}
	for name, k := range m.Units {
		c := *k
		c.Spans = slices.Clone(k.Spans)
		out.Units[name] = &c
	}
	return out
}

// Learn gives the model after a boot. The one that it is called on stays as it is.
func (m *Model) Learn(b *Boot) *Model {
	next := m.Clone()
	next.Boots++
	uses := map[Pair][]*Use{}
	for i := range b.Uses {
		u := &b.Uses[i]
		if p := (Pair{u.Unit, u.On}); u.Unit != u.On && u.Unit != "" && u.On != "" {
			uses[p] = append(uses[p], u)
		}
	}
	same := !next.meet(b, uses)
	timed := b.followed()
	for _, p := range slices.SortedFunc(maps.Keys(uses), ComparePairs) {
		next.edge(p)
	}
	for _, p := range slices.SortedFunc(maps.Keys(timed), ComparePairs) {
		next.edge(p)
	}
	for p, e := range next.Edges {
		unit, on := b.Units[p.Unit], b.Units[p.On]
		if len(uses[p]) > 0 || b.Whole && b.Took > 0 && unit.Begun > 0 && on.Ready > 0 {
			e.learn(b, uses[p], timed[p])
		}
		old := m.Edges[p]
		same = same && e.Needed() == (old != nil && old.Needed())
		if e.Said == "" && e.Trained == nil && e.Start.For < stale && e.Steady.For < stale {
			delete(next.Edges, p)
		}
	}
	if next.Same++; !same {
		next.Same = 0
	}
	return next
}

// edge gives the edge of a pair, which it makes where there is none and room; else nil.
func (m *Model) edge(p Pair) *Edge {
	e := m.Edges[p]
	if e == nil && len(m.Edges) < maxEdges {
		e = &Edge{}
		m.Edges[p] = e
	}
	return e
}

// meet takes what a boot says of units by themselves. Of one that has changed, what
// is known counts less; changed says whether there is one.
func (m *Model) meet(b *Boot, uses map[Pair][]*Use) (changed bool) {
	made := map[string]time.Duration{} // by unit: when the last thing was there that others needed
	for p, list := range uses {
		for _, u := range list {
			if b.Starts(u) {
				made[p.On] = max(made[p.On], u.Made)
			}
		}
	}
	other := map[string]bool{}
	for name, run := range b.Units {
		k := m.Units[name]
		if k == nil {
			if len(m.Units) >= maxUnits {
				continue
			}
			k = &Known{Identity: run.Identity}
			m.Units[name] = k
		}
		if run.Identity != "" && k.Identity != run.Identity {
			other[name] = k.Identity != ""
			changed = changed || other[name]
			k.Identity = run.Identity
		}
		if run.Ready > 0 && run.Begun > 0 && run.Ready >= run.Begun {
			k.Spans = append(k.Spans, max(run.Ready, made[name])-run.Begun)
			k.Spans = k.Spans[max(0, len(k.Spans)-maxSpans):]
		}
	}
	for p, e := range m.Edges {
		if other[p.Unit] || other[p.On] {
			e.Start, e.Fatal, e.Steady, e.Trained = e.Start.Changed(), e.Fatal.Changed(), e.Steady.Changed(), nil
		}
	}
	return changed
}

// Span is the median of a unit's latest starts, until what others need of it was
// there; 0 when nothing is known.
func (k *Known) Span() time.Duration {
	if k == nil || len(k.Spans) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(k.Spans))
	return s[len(s)/2]
}

// learn takes what a boot says of a pair that both ran in it.
func (e *Edge) learn(b *Boot, uses []*Use, timed bool) {
	var start, steady Class
	for _, u := range uses {
		if b.Starts(u) {
			start = max(start, u.class())
		} else {
			steady = max(steady, u.class())
		}
	}
	if start == 0 && timed {
		start = Timing
	}
	e.Start = after(e.Start, start)
	e.Steady = after(e.Steady, steady)
	if start == Missed {
		fails := Class(0)
		if run := b.Units[uses[0].Unit]; run.Restarts > 0 || run.Failed {
			fails = Missed
		}
		e.Fatal = after(e.Fatal, fails)
	}
	if len(uses) > 0 {
		e.Seen++
	}
	if len(uses) > 0 || e.Seen > 0 {
		e.Both++
	}
	if e.Start.Class > Timing && e.Start.Idle >= gone && e.Steady.Idle >= gone {
		e.Trained = nil // the use is no longer made, whatever it was
	}
	e.remember(b, uses)
}

// after gives a belief after a boot that showed a class; 0 is none.
func after(b Belief, c Class) Belief {
	switch {
	case c == Timing && b.Class > Timing: // timing says nothing about a use
		return b.Unseen()
	case c > Timing && b.Class == Timing: // nor had it
		return Belief{}.Seen(c)
	case c > 0:
		return b.Seen(c)
	}
	return b.Unseen()
}

// remember keeps what is used, as far as there is room.
func (e *Edge) remember(b *Boot, uses []*Use) {
	type key struct{ kind, name string }
	for i := range e.Objects {
		e.Objects[i].Age++
	}
	counted := map[key]bool{}
	for _, u := range uses {
		i := slices.IndexFunc(e.Objects, func(o Object) bool { return o.Kind == u.Kind && o.Name == u.Object })
		if i < 0 {
			i = len(e.Objects)
			e.Objects = append(e.Objects, Object{Kind: u.Kind, Name: u.Object})
		}
		o := &e.Objects[i]
		o.Age = 0
		o.Start = o.Start || b.Starts(u)
		if k := (key{u.Kind, u.Object}); !counted[k] {
			counted[k] = true
			o.Seen++
			if u.Failed != "" {
				o.Missed++
			}
		}
		if u.Failed != "" {
			o.Failed, o.Gap = u.Failed, 0
			if u.At > 0 && u.Made > u.At {
				o.Gap = u.Made - u.At
			}
		}
	}
	slices.SortStableFunc(e.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Age, b.Age), cmp.Compare(b.Missed, a.Missed), cmp.Compare(b.Seen, a.Seen), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	e.Objects = e.Objects[:min(len(e.Objects), maxObjects)]
}
