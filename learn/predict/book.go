package predict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// maxUnits bounds the units that are looked at.
	maxUnits = 512
	// maxStarts is how many starts are remembered, leastStarts how many it takes.
	maxStarts, leastStarts = 24, 6
	// news is the change of the time that is left which is told, of that time.
	news = .25
)

// Reading is a value of a unit and the most that it can be.
type Reading struct {
	Kind  Kind
	Value float64 // bytes, seconds or a count
	Limit float64 // in the same; 0: there is none, and nothing is predicted
	Of    string  // what limits it, for people
}

// Start is one that has ended. Times are CLOCK_BOOTTIME.
type Start struct {
	Unit      string
	Begun, Up time.Duration // when it left the queue, when it was ready
	Automatic bool          // it is a restart that nobody asked for
	Most      time.Duration // that a start may take; 0: for ever
}

// Probe is a health probe that has ended.
type Probe struct {
	Unit     string
	At       time.Duration // CLOCK_BOOTTIME of its end
	Took     time.Duration
	Most     time.Duration // that one may take
	Failed   int           // so many in a row have failed; 0: this one was good
	Failures int           // … make the unit unhealthy
	Interval time.Duration // from the end of a probe to the begin of the next
}

// Book follows all units. The zero value is empty.
type Book struct {
	Dropped int // units for which there is no room
	units   map[string]*unit
	room    []float64 // for pairs
}

// unit is what is known of one: seven values over a run, and what runs have taught.
type unit struct {
	up     bool
	meant  bool // it is to run
	begun  time.Duration
	grows  map[Kind]*growth
	starts []start
	hazard hazard
	now    map[Kind]Prediction
	told   map[Kind]Prediction // what was said last
}

type start struct {
	at   time.Duration
	took float64 // seconds
}

func (b *Book) open(name string) *unit {
	if u := b.units[name]; u != nil {
		return u
	}
	if len(b.units) >= maxUnits {
		b.Dropped++
		return nil
	}
	if b.units == nil {
		b.units = map[string]*unit{}
	}
	u := &unit{grows: map[Kind]*growth{}, now: map[Kind]Prediction{}, told: map[Kind]Prediction{}}
	b.units[name] = u
	return u
}

// Predicted gives all that is predicted, the soonest first.
func (b *Book) Predicted() (out []Prediction) {
	for _, u := range b.units {
		out = slices.AppendSeq(out, maps.Values(u.now))
	}
	slices.SortFunc(out, func(a, b Prediction) int {
		return cmp.Or(cmp.Compare(a.At+a.Expected, b.At+b.Expected), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// Started folds a start that has ended with the unit up, and gives what is new.
func (b *Book) Started(s Start) (out []Prediction) {
	u := b.open(s.Unit)
	if u == nil || u.up && s.Begun == u.begun {
		return nil
	}
	out = b.ended(s.Unit, u, s.Begun, "it was restarted")
	if u.hazard.at == 0 {
		u.hazard.at = s.Begun
	}
	u.hazard.age(s.Up, true)
	u.up, u.meant, u.begun = true, true, s.Begun
	if s.Automatic {
		u.hazard.restarted(s.Up)
	}
	out = append(out, b.restarts(s.Unit, u, s.Up)...)
	if u.starts = append(u.starts, start{s.Up, (s.Up - s.Begun).Seconds()}); len(u.starts) > maxStarts {
		u.starts = slices.Delete(u.starts, 0, 1)
	}
	return append(out, b.slower(s, u)...)
}

// Stopped folds that a unit is down: meant says that somebody wanted that, so that it
// is no longer to run.
func (b *Book) Stopped(name string, at time.Duration, meant bool) (out []Prediction) {
	u := b.units[name]
	if u == nil {
		return nil
	}
	out = b.ended(name, u, at, "it was stopped")
	u.hazard.age(at, u.meant)
	u.meant = u.meant && !meant
	return out
}

// Forget drops a unit that is no more.
func (b *Book) Forget(name string, at time.Duration) (out []Prediction) {
	if u := b.units[name]; u != nil {
		out = b.ended(name, u, at, "there is no such unit any more")
		for k := range u.now {
			out = append(out, u.over(k, at, "there is no such unit any more"))
		}
		delete(b.units, name)
	}
	return out
}

// ended ends a run, with what was predicted of it.
func (b *Book) ended(name string, u *unit, at time.Duration, why string) (out []Prediction) {
	u.up = false
	for _, k := range slices.Sorted(maps.Keys(u.grows)) {
		u.grows[k].restart(at)
		if _, ok := u.now[k]; ok {
			out = append(out, u.over(k, at, why))
		}
	}
	return out
}

func (u *unit) over(k Kind, at time.Duration, why string) Prediction {
	p := u.now[k]
	p.At, p.Over = at, why
	delete(u.now, k)
	delete(u.told, k)
	return p
}

// Sample folds what a unit that is up has, and gives what is new.
func (b *Book) Sample(name string, at time.Duration, all []Reading) (out []Prediction) {
	u := b.units[name]
	if u == nil || !u.up {
		return nil
	}
	for _, r := range all {
		out = append(out, b.reading(name, u, at, r)...)
	}
	u.hazard.age(at, true)
	return append(out, b.restarts(name, u, at)...)
}

func (b *Book) reading(name string, u *unit, at time.Duration, r Reading) []Prediction {
	if r.Limit <= 0 {
		return nil
	}
	g := u.grows[r.Kind]
	if g == nil {
		g = &growth{begun: u.begun}
		u.grows[r.Kind] = g
	}
	var changed bool
	changed, b.room = g.add(at, r.Value, r.Limit, quantum[r.Kind], b.room)
	switch {
	case !changed:
		return nil
	case g.now == nil:
		if _, ok := u.now[r.Kind]; !ok {
			return nil
		}
		return []Prediction{u.over(r.Kind, at, "it has stopped growing, or has given back what it had taken")}
	}
	return u.say(grows(name, r.Kind, at, r.Value, r, g.now))
}

// say keeps a prediction, and gives it when it is news.
func (u *unit) say(p Prediction) []Prediction {
	u.now[p.Kind] = p
	told, ok := u.told[p.Kind]
	moved := p.At + p.Expected - told.At - told.Expected
	if ok && float64(max(moved, -moved)) < news*float64(max(p.Expected, finest)) {
		return nil
	}
	u.told[p.Kind] = p
	return []Prediction{p}
}

// restarts judges how often a unit was restarted.
func (b *Book) restarts(name string, u *unit, at time.Duration) []Prediction {
	if u.hazard.rates[len(halfLives)-1].count < .5 && !u.hazard.now {
		return nil
	}
	var others rate
	for _, o := range b.units {
		if o != u {
			others.count, others.hours = others.count+o.hazard.pooled.count, others.hours+o.hazard.pooled.hours
		}
	}
	p := u.hazard.judge(name, at, others)
	if p != nil {
		return u.say(*p)
	}
	if _, ok := u.now[Restarts]; ok {
		return []Prediction{u.over(Restarts, at, "it has run for long enough")}
	}
	return nil
}

// slower judges how long starts take. Their distance is in starts, and is made a time
// by how often there are.
func (b *Book) slower(s Start, u *unit) []Prediction {
	if s.Most <= 0 || len(u.starts) < leastStarts {
		return nil
	}
	var room [maxStarts]float64
	for i, v := range u.starts {
		room[i] = v.took
	}
	first, last := u.starts[0], u.starts[len(u.starts)-1]
	q := question{limit: s.Most.Seconds(), least: leastStarts, sure: 2.3, lax: 1, far: ahead, quantum: quantum[Starts],
		step: (last.at - first.at) / time.Duration(len(u.starts)-1)}
	if _, ok := u.now[Starts]; ok {
		q.lax = 2
	}
	var l *line
	l, b.room = q.look(room[:len(u.starts)], b.room)
	if l == nil {
		if _, ok := u.now[Starts]; ok {
			return []Prediction{u.over(Starts, s.Up, "starts do not take longer any more")}
		}
		return nil
	}
	l.since = s.Up - l.took
	r := Reading{Kind: Starts, Limit: q.limit, Of: fmt.Sprintf("TimeoutStartSec= of %s", s.Unit)}
	return u.say(grows(s.Unit, Starts, s.Up, last.took, r, l))
}

// Probed folds a health probe, and gives what is new.
func (b *Book) Probed(p Probe) []Prediction {
	u := b.units[p.Unit]
	if u == nil || !u.up || p.Most <= 0 {
		return nil
	}
	if p.Failed >= 2 && p.Failed < p.Failures {
		each := p.Interval + p.Most
		left := time.Duration(p.Failures-p.Failed) * each
		u.now[Latency] = Prediction{Unit: p.Unit, Kind: Latency, Limit: "HealthFailures= of " + p.Unit, Value: float64(p.Failed), Most: float64(p.Failures),
			Since: p.At - time.Duration(p.Failed)*each, At: p.At, Expected: left, Soonest: left - time.Duration(p.Failures-p.Failed)*p.Most, Latest: left,
			Confidence: float64(p.Failed) / float64(p.Failed+1), // Laplace's rule of succession, the prior being that probes are good
			Basis:      fmt.Sprintf("%d health probes in a row have failed; %d make it unhealthy", p.Failed, p.Failures)}
		return u.say(u.now[Latency])
	}
	if now, ok := u.now[Latency]; ok && now.Limit == "HealthFailures= of "+p.Unit {
		if p.Failed > 0 {
			return nil
		}
		return []Prediction{u.over(Latency, p.At, "a probe was good")}
	}
	return b.reading(p.Unit, u, p.At, Reading{Latency, min(p.Took, p.Most).Seconds(), p.Most.Seconds(), "HealthTimeoutSec= of " + p.Unit})
}
