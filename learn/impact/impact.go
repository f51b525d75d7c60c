// Package impact says what becomes of other units when one goes down, from what is
// declared and what boots have shown. It takes values and asks nobody.
package impact

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/status"
	"clarityos/services/control"
)

// Kind is what becomes of a unit, the worst first.
type Kind string

// The kinds. What is none of them does not notice.
const (
	Stops    Kind = "stops"    // it goes down too
	Degrades Kind = "degrades" // it goes on without what it uses
	Held     Kind = "held"     // it does not notice, but cannot start meanwhile
)

var kinds = []Kind{Stops, Degrades, Held}

// Effect is what becomes of one unit.
type Effect struct {
	Unit string        `json:"unit"`
	Kind Kind          `json:"kind"`
	P    float64       `json:"p"`   // how sure that is, 0 to 1
	For  time.Duration `json:"for"` // of a restart; 0: not known
	Via  string        `json:"via"` // the unit whose end it notices
	Why  string        `json:"why"` // in words
	deep int           // how many units away
}

// Span is how long a unit usually takes; 0 is not known.
type Span struct{ Stop, Start time.Duration }

// Impact is what a restart of a unit does.
type Impact struct {
	Unit    string        `json:"unit"`
	For     time.Duration `json:"for"`     // it is down itself; 0: not known
	Effects []Effect      `json:"effects"` // the worst and surest first
	Rest    int           `json:"rest"`    // services that do not notice
	Boots   int           `json:"boots"`   // that have shown it
}

// least is how sure an effect has to be to be told.
const least = .05

// Of says what a restart of unit does, as relations declare it, which have every unit, and
// as edges show it. What a stop does is the same, for as long as the unit is down.
func Of(unit string, relations []control.UnitRelations, edges []status.Edge, span func(string) Span) Impact {
	down := map[string]time.Duration{unit: both(0, span(unit))}
	out := Impact{Unit: unit, For: down[unit], Effects: []Effect{}}
	effects := map[string]Effect{}
	with := stopsWith(relations)
	queue := []Effect{{Unit: unit, Kind: Stops, P: 1}}
	take := func(e Effect) {
		old, known := effects[e.Unit]
		if e.Unit == unit || e.P < least || known && compare(old, e) <= 0 {
			return
		}
		effects[e.Unit] = e
		queue = append(queue, e)
	}
	for len(queue) > 0 {
		on := queue[0]
		queue = queue[1:]
		if on.Kind == Stops {
			for _, u := range with[on.Unit] {
				if _, known := down[u.unit]; !known {
					down[u.unit] = both(down[on.Unit], span(u.unit))
				}
				take(Effect{Unit: u.unit, Kind: Stops, P: on.P, For: down[u.unit], Via: on.Unit, Why: u.why + on.Unit, deep: on.deep + 1})
			}
		}
		if on.Kind == Held {
			continue
		}
		lasts := on.For
		if on.Unit == unit {
			lasts = out.For
		}
		for _, e := range edges {
			if e.On != on.Unit {
				continue
			}
			what := e.On
			if len(e.Objects) > 0 {
				what = e.Objects[0] + " of " + e.On
			}
			switch {
			case e.Verdict == graph.Coincidence || e.Verdict == graph.NotNeeded:
			case e.Fell > 0 && on.Kind == Stops:
				p := (float64(e.Fell) + .5) / (float64(e.Kills) + 1) // the mean of Jeffreys' posterior
				take(Effect{Unit: e.Unit, Kind: Stops, P: on.P * p, For: lasts, Via: on.Unit, Why: fmt.Sprintf("it failed %d of %d times that training killed %s", e.Fell, e.Kills, e.On), deep: on.deep + 1})
			case e.Steady >= least:
				take(Effect{Unit: e.Unit, Kind: Degrades, P: on.P * e.Steady, For: lasts, Via: on.Unit, Why: "it uses " + what + " when it runs", deep: on.deep + 1})
			case on.Kind == Stops:
				take(Effect{Unit: e.Unit, Kind: Held, P: on.P * e.P, For: lasts, Via: on.Unit, Why: "it needs " + what + " to start", deep: on.deep + 1})
			}
		}
	}
	for _, e := range effects {
		out.Effects = append(out.Effects, e)
	}
	slices.SortFunc(out.Effects, func(a, b Effect) int { return cmp.Or(compare(a, b), cmp.Compare(a.Unit, b.Unit)) })
	return out
}

// compare puts the worse, surer and nearer effect first.
func compare(a, b Effect) int {
	return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(b.P, a.P), cmp.Compare(a.deep, b.deep))
}

// both is how long a unit is down that stops before another one, which is down for so
// long, and starts after it. What is not known of one is not known of both.
func both(other time.Duration, s Span) time.Duration {
	if s.Start == 0 {
		return 0
	}
	return s.Stop + other + s.Start
}

type follower struct{ unit, why string }

// stopsWith gives for each unit those that its stop takes along, as systemd.unit(5) has it.
func stopsWith(relations []control.UnitRelations) map[string][]follower {
	out := map[string][]follower{}
	for _, u := range relations {
		for _, list := range []struct {
			units []string
			word  string
		}{{u.Requires, "Requires="}, {u.BindsTo, "BindsTo="}, {u.Requisite, "Requisite="}, {u.PartOf, "PartOf="}, {u.StopPropagatedFrom, "StopPropagatedFrom="}} {
			for _, on := range list.units {
				out[on] = append(out[on], follower{u.Name, fmt.Sprintf("it has %s", list.word)})
			}
		}
	}
	return out
}
