package profiles

import (
	"encoding/hex"
	"math"
	"slices"
	"time"
)

const (
	// perRun is what the evidence of a run still counts after the next one, as
	// DESIGN has it for boots. Together they never weigh more than five.
	perRun = .8
	// ofBefore is what is left of a profile's evidence when the binary or the
	// configuration is another.
	ofBefore = .5
	// halfLife is how long a unit has to be up until the evidence of a window counts
	// half, so that a day's ebb and flow is in it.
	halfLife = 24 * time.Hour

	// minRuns is the weight from which on runs are judged: that of five. With n
	// values before, the next is beyond all of them by chance once in (n+1)/2 times;
	// what keeps that from being told is farFrom, and five runs show how much a
	// unit's runs differ.
	minRuns = 3
	// minWindows is the same for windows: an hour's. Less could not resolve
	// rareWindow.
	minWindows = 360
	// rareRun is the rarity from which on a run is an anomaly: less than a run of the
	// last ten was as far out.
	rareRun = .05
	// rareWindow is smaller, since there are 8640 windows a day of each measure.
	rareWindow = .001
	// inARow is how many such windows it takes: half a minute is no spike.
	inARow = 3
	// farFrom is the factor from the median that makes a difference worth telling,
	// however regular a unit is.
	farFrom = 2
)

// perWindow is the decay for each window.
var perWindow = math.Exp2(-float64(Window) / float64(halfLife))

// Profile is how a unit usually behaves.
type Profile struct {
	Unit     string
	Identity Identity // of binary and configuration; zero: not known
	Runs     uint32   // starts with them that were counted
	Before   uint32   // starts before the latest change of them
	Restarts uint32   // of Runs, those that were automatic restarts
	used     uint64   // grows in the order in which profiles were last used
	boot     string   // of the latest start that was counted
	begun    time.Duration
	series   []Series // by figure and phase, in this order
}

// Identity is a hash of what a unit runs: the begin of a SHA-256.
type Identity [16]byte

func (id Identity) String() string { return hex.EncodeToString(id[:]) }

// Series is one measure of a phase.
type Series struct {
	Phase   Phase
	Measure Measure
	Count   uint32 // values since the binary or the configuration changed
	Last    float64
	Values  Histogram
	out     uint8 // windows in a row that were far out; not stored
}

// place gives where a measure of a phase is in the profile, or has to go.
func (p *Profile) place(ph Phase, m Measure) (int, bool) {
	return slices.BinarySearchFunc(p.series, [2]int{slices.Index(phases, ph), figureOf(m)}, func(s Series, at [2]int) int {
		return slices.Compare([]int{slices.Index(phases, s.Phase), figureOf(s.Measure)}, at[:])
	})
}

// Series gives a measure of a phase, nil when nothing is known of it. It is the
// profile's until the Book is used next.
func (p *Profile) Series(ph Phase, m Measure) *Series {
	if i, ok := p.place(ph, m); ok {
		return &p.series[i]
	}
	return nil
}

// learn judges a value, adds it, and gives the anomaly that it is; windowed says
// that it is one of a window and not of a whole run.
func (p *Profile) learn(ph Phase, m Measure, v float64, windowed bool) *Anomaly {
	f := figureOf(m)
	if _, ok := indexOf(v); !ok || f < 0 || !figures[f].In(ph) {
		return nil
	}
	i, ok := p.place(ph, m)
	if !ok {
		p.series = slices.Insert(p.series, i, Series{Phase: ph, Measure: m})
	}
	s := &p.series[i]
	a := s.judge(v, figures[f].floorIn(ph), windowed)
	decay := perRun
	if windowed {
		decay = perWindow
	}
	s.Values.Decay(decay)
	s.Values.Add(v)
	s.Last = v
	s.Count = add(s.Count, 1)
	if a != nil {
		a.Unit, a.Phase, a.Measure = p.Unit, ph, m
	}
	return a
}

// judge says whether a value is far from those before.
func (s *Series) judge(v, floor float64, windowed bool) *Anomaly {
	enough, rare := float64(minRuns), rareRun
	if windowed {
		enough, rare = minWindows, rareWindow
		if w := s.Values.Weight(); w > 0 {
			rare += 2 * float64(s.out) / w // the windows before in this row have been added, and are no evidence for it
		}
	}
	a := Anomaly{Value: v, Usual: s.Values.Quantile(.5), Rarity: s.Values.Rarity(v)}
	far := math.Abs(v-a.Usual) > floor && (v > farFrom*a.Usual || v < a.Usual/farFrom)
	switch {
	case s.Values.Weight() < enough || a.Rarity > rare || !far:
		s.out = 0
		return nil
	case !windowed:
		return &a
	}
	s.out = min(s.out+1, inARow+1)
	if s.out != inARow { // told once, until it has been as usual again
		return nil
	}
	return &a
}

// become says what the unit runs now. Another identity begins a new profile that
// leans on the old one.
func (p *Profile) become(id Identity) {
	if id == (Identity{}) || id == p.Identity {
		return
	}
	if p.Identity != (Identity{}) {
		p.Before, p.Runs, p.Restarts = add(p.Before, p.Runs), 0, 0
		for i := range p.series {
			p.series[i].Values.Decay(ofBefore)
			p.series[i].Count, p.series[i].out = 0, 0
		}
		p.series = slices.DeleteFunc(p.series, func(s Series) bool { return len(s.Values.buckets) == 0 })
	}
	p.Identity = id
}

// add adds without beginning again at 0.
func add(a, b uint32) uint32 { return a + min(b, math.MaxUint32-a) }
