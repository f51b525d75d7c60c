package profiles

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Window is how often a unit that is up is to be sampled.
	Window = 10 * time.Second
	// shortest and longest are the spans between two samples that make a window. One
	// that is longer has a suspended machine or a reader that did not run in it.
	shortest, longest = Window / 2, 6 * Window
	// soon is how long after readiness a sample still shows what the start used.
	soon = 500 * time.Millisecond
)

// Change is a state of a unit that is new. Times are CLOCK_BOOTTIME; 0 is never.
type Change struct {
	Unit     string
	Active   string        // as unit.state has it
	At       time.Duration // since when
	Begun    time.Duration // its latest start left the queue
	Up       time.Duration // … was ready
	Restarts int           // automatic ones in a row before it
	Identity Identity      // of what it runs; zero: not known
}

// Sample is what a unit's run has used up to a moment of CLOCK_BOOTTIME, and uses
// then. What is not known is not in it.
type Sample struct {
	At     time.Duration
	Values map[Measure]float64
}

// Anomaly is a value that is far from a profile.
type Anomaly struct {
	Unit    string
	Phase   Phase
	Measure Measure
	Value   float64
	Usual   float64 // the median
	Rarity  float64 // the share of earlier values as far out, 0 to 1; Histogram.Rarity
}

// Book has the profiles of all units. Make it with New or Decode.
type Book struct {
	Dropped int // changes of units for which there is no room, or whose names are none

	boot     string        // which boot this is
	booted   time.Duration // when it was complete; 0: it is not
	profiles map[string]*Profile
	lives    map[string]*life // of units that are not down
	used     uint64
}

// life is where a unit is in its life.
type life struct {
	phase Phase // "" before it is up
	since time.Duration
	fresh bool   // the next sample may show what the start used
	base  Sample // the last one that began a window
	last  Sample // while it stops: the last
}

// New makes an empty book.
func New() *Book { return &Book{profiles: map[string]*Profile{}, lives: map[string]*life{}} }

// InBoot says which boot this is. What a start of the same one was counted for is
// not counted again, so that a book that was read from a file can be told all units
// as they are.
func (b *Book) InBoot(id string) { b.boot = id }

// Booted says when the boot was complete: starts that end later are not its.
func (b *Book) Booted(at time.Duration) { b.booted = at }

// Profile gives a unit's profile, nil when there is none. It is the book's, and may
// change when that is used.
func (b *Book) Profile(unit string) *Profile { return b.profiles[unit] }

// Units gives the units that have profiles, sorted.
func (b *Book) Units() (out []string) {
	for u := range b.profiles {
		out = append(out, u)
	}
	slices.Sort(out)
	return out
}

// Change folds a change, and gives what is unusual in it.
func (b *Book) Change(c Change) (out []Anomaly) {
	p := b.open(c.Unit)
	if p == nil {
		b.Dropped++
		return nil
	}
	l := b.lives[c.Unit]
	if l == nil {
		l = &life{}
		b.lives[c.Unit] = l
	}
	if l.phase == Stop && c.Active != "deactivating" {
		out = append(out, b.stopped(p, l, c.At)...)
	}
	began := c.Up > 0 && c.Begun > 0 && c.Begun <= c.Up && (p.boot != b.boot || c.Begun > p.begun)
	if began {
		out = append(out, b.started(p, c)...)
	}
	switch c.Active {
	case "active", "reloading":
		if l.phase != Steady || began {
			*l = life{phase: Steady, since: cmp.Or(c.Up, c.At), fresh: began}
		}
	case "deactivating":
		if l.phase != Stop {
			out = append(out, l.ended(p, c.At)...)
			*l = life{phase: Stop, since: c.At}
		}
	case "inactive", "failed":
		out = append(out, l.ended(p, c.At)...)
		delete(b.lives, c.Unit)
	default:
		out = append(out, l.ended(p, c.At)...)
		*l = life{}
	}
	return out
}

// started counts a start.
func (b *Book) started(p *Profile, c Change) (out []Anomaly) {
	p.become(c.Identity)
	first := p.boot != b.boot
	p.boot, p.begun = b.boot, c.Begun
	p.Runs = add(p.Runs, 1)
	if c.Restarts > 0 {
		p.Restarts = add(p.Restarts, 1)
	}
	out = p.note(out, Start, Duration, (c.Up - c.Begun).Seconds())
	out = p.note(out, Start, Restarts, float64(c.Restarts))
	if first && (b.booted == 0 || c.Up <= b.booted) {
		out = p.note(out, Start, Ready, c.Up.Seconds())
	}
	return out
}

// ended notes how long a unit was up.
func (l *life) ended(p *Profile, at time.Duration) (out []Anomaly) {
	if l.phase == Steady && l.since > 0 && at >= l.since {
		out = p.note(out, Steady, Duration, (at - l.since).Seconds())
	}
	return out
}

// stopped notes what a stop took.
func (b *Book) stopped(p *Profile, l *life, at time.Duration) (out []Anomaly) {
	if at >= l.since {
		out = p.note(out, Stop, Duration, (at - l.since).Seconds())
	}
	for _, f := range figures {
		now, known := l.last.Values[f.Measure]
		before, knew := l.base.Values[f.Measure]
		switch {
		case known && f.kind == gauge:
			out = p.note(out, Stop, f.Measure, now)
		case known && knew && f.kind == counter && now >= before && l.last.At > l.base.At:
			out = p.note(out, Stop, f.Measure, now-before)
		}
	}
	return out
}

// note learns a value of a run.
func (p *Profile) note(out []Anomaly, ph Phase, m Measure, v float64) []Anomaly {
	if a := p.learn(ph, m, v, false); a != nil {
		out = append(out, *a)
	}
	return out
}

// Sample folds what a unit uses, and gives what is unusual in it.
func (b *Book) Sample(unit string, s Sample) (out []Anomaly) {
	l, p := b.lives[unit], b.profiles[unit]
	if l == nil || p == nil {
		return nil
	}
	switch l.phase {
	case Stop:
		if l.base.Values == nil {
			l.base = s
		}
		l.last = s
	case Steady:
		if l.fresh && s.At >= l.since && s.At-l.since <= soon {
			for _, f := range figures {
				if v, ok := s.Values[f.Measure]; ok && f.kind != fact {
					out = p.note(out, Start, f.Measure, v)
				}
			}
		}
		span := s.At - l.base.At
		switch {
		case l.fresh || l.base.Values == nil || span > longest || span < 0:
			l.base = s
		case span >= shortest:
			out = append(out, p.window(l.base, s)...)
			l.base = s
		}
		l.fresh = false
	}
	return out
}

// window learns what a unit used from one sample to the next. A counter that has
// gone back is another's.
func (p *Profile) window(from, to Sample) (out []Anomaly) {
	for _, f := range figures {
		v, known := to.Values[f.Measure]
		before, knew := from.Values[f.Measure]
		switch {
		case !known || f.kind == fact:
			continue
		case f.kind == counter && (!knew || v < before):
			continue
		case f.kind == counter:
			v = (v - before) / (to.At - from.At).Seconds()
		}
		if a := p.learn(Steady, f.Measure, v, true); a != nil {
			out = append(out, *a)
		}
	}
	return out
}
