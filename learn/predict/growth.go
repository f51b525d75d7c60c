package predict

import (
	"math"
	"time"
)

const (
	// warmUp is how long a run is not looked at: programs allocate when they start.
	warmUp = 20 * time.Second
	// least is how many values it takes.
	least = 12
	// slack and clip are the sum's, in standard deviations of a step; enough is the
	// sum from which on it agrees. A walk without direction exceeds it with
	// probability exp(-2·slack·enough) (Siegmund, Sequential Analysis, 1985, II.6).
	slack, clip, enough = .35, 3, 6
	// sure is the least of Kendall's S, in its standard deviations.
	sure = 3
	// ahead is how far the limit may be, in what the growth has taken so far: at 2.15 an
	// even leak has come through a third of its life.
	ahead = 2.15
	// aheadSoon is the same of a growth that is younger than young: jobs, caches and
	// programs that start grow for minutes.
	aheadSoon, young = 1.35, 15 * time.Minute
	// fine is the least step that is looked at, of the way to the limit: with the
	// longest growth in a resolution, points values, ahead asks for 1/150 a step.
	fine = .002
	// agreeing is how many evaluations in a row raise a prediction, and against how
	// many in a row end one.
	agreeing, against = 2, 6
	// beyond is how far above a level that was given back before it is something new.
	beyond = 1.1
	// swingLeast is the least rise and fall that counts as given back, of the limit, and
	// swingNoise, in steps.
	swingLeast, swingNoise = .04, 8
	// kept is how many values in a row are a level that is kept.
	kept = 32
)

// growth follows a series to its limit.
type growth struct {
	series  series
	begun   time.Duration // of the run; 0: not known
	now     *line         // what is predicted; nil: nothing
	by      int           // the resolution that says so
	falling int           // samples in a row that are far below what is predicted
}

// line is a growth and when it will be at its limit.
type line struct {
	since, took             time.Duration // when it began, how long that is ago
	grown, last             float64       // by so much since, to this
	within, soonest, latest time.Duration // until it is at the limit
	z                       float64       // Kendall's
}

// swings is what a resolution has given back without a restart. It stays over
// restarts: how far the unit goes is its own, not the run's.
type swings struct {
	last, noise  float32 // of a step from value to value, the mean
	trough, peak float32 // since the last fall
	returned     float32 // the highest peak that was given back, or level that was kept
	rest         float32 // the level that it keeps
	begun        bool
	falling      int8 // values in a row that are low
	resting      int8 // … near rest
}

// add takes a value. What has risen is given back when two values in a row are less
// than half as high, and noise does not do that. A level is kept when many values in a
// row are near it: a growth that goes on does not look so in the resolution that sees it.
func (s *swings) add(v, limit float32) {
	if !s.begun {
		*s = swings{begun: true, last: v, trough: v, peak: v, returned: s.returned}
	}
	s.noise += (max(v-s.last, s.last-v) - s.noise) / 16
	s.last, s.trough, s.peak = v, min(s.trough, v), max(s.peak, v)
	least := max(swingLeast*limit, swingNoise*s.noise)
	if s.resting++; max(v-s.rest, s.rest-v) > least/2 {
		s.rest, s.resting = v, 0
	}
	if s.resting >= kept {
		s.returned, s.resting = max(s.returned, v), 0
	}
	if s.peak-s.trough < least || v > (s.peak+s.trough)/2 {
		s.falling = 0
		return
	}
	if s.falling++; s.falling < 2 {
		return
	}
	s.returned = max(s.returned, s.peak)
	s.trough, s.peak, s.falling = v, v, 0
}

// restart begins another run.
func (g *growth) restart(at time.Duration) {
	anew := growth{begun: at}
	for i := range g.series.levels {
		anew.series.levels[i].swings.returned = g.series.levels[i].swings.returned
	}
	*g = anew
}

// add takes a value, of which limit is the most, and says whether what is predicted has
// begun, changed or ended.
func (g *growth) add(at time.Duration, v, limit, quantum float64, room []float64) (bool, []float64) {
	if at-g.begun < warmUp {
		return false, room
	}
	told := false
	if g.now != nil && v < g.now.last-g.now.grown/2 {
		if g.falling++; g.falling >= 3 {
			g.drop()
			told = true
		}
	} else {
		g.falling = 0
	}
	ended := g.series.add(at, v, limit)
	for i := range resolutions {
		if ended&(1<<i) == 0 {
			continue
		}
		var found *line
		found, room = g.look(at, i, limit, quantum, room)
		told = g.vote(i, found) || told
	}
	return told, room
}

func (g *growth) drop() {
	g.now, g.falling = nil, 0
	for i := range g.series.levels {
		g.series.levels[i].votes = 0
	}
}

// vote counts what a resolution shows.
func (g *growth) vote(i int, found *line) bool {
	l := &g.series.levels[i]
	if found == nil {
		l.votes = min(l.votes, 0) - 1
		if g.now == nil || i != g.by || -l.votes < against {
			return false
		}
		g.drop()
		return true
	}
	l.votes = max(l.votes, 0) + 1
	switch {
	case g.now == nil && l.votes >= agreeing, g.now != nil && i >= g.by:
		g.now, g.by = found, i
		return true
	}
	return false
}

// look says how a resolution grows; nil: it does not, or not so that it would matter.
// What is predicted already is held on to by less.
func (g *growth) look(at time.Duration, i int, limit, quantum float64, room []float64) (*line, []float64) {
	l := &g.series.levels[i]
	q := question{limit: limit, swing: float64(l.swing), least: least, sure: sure, lax: 1, far: ahead, quantum: quantum, step: width(i), lag: 1}
	if g.now != nil && i == g.by {
		q.lax = 2
	}
	var values [points]float64
	found, room := q.look(l.values(&values), room)
	if found == nil {
		return nil, room
	}
	found.since = at - found.took
	if q.lax == 1 && found.last <= beyond*float64(l.swings.returned) {
		return nil, room // it has been here before, and came back
	}
	return found, room
}

// question is what is asked of values at equal distances: do they grow so that they are
// at a limit soon.
type question struct {
	limit, swing float64       // the swing is how far peaks stand above the values
	least        int           // how many values it takes
	sure         float64       // the least of Kendall's S
	lax          float64       // 1; more accepts less
	far          float64       // how far the limit may be, in what the growth took
	quantum      float64       // differences below are none
	step         time.Duration // between two values
	lag          float64       // how old the last one is, in steps
}

// look gives the growth that there is at the end of values, nil when there is none.
func (q question) look(x, room []float64) (*line, []float64) {
	if len(x) < q.least || math.IsNaN(x[len(x)-1]) {
		return nil, room
	}
	last := x[len(x)-1]
	left := max(q.limit-q.swing-last, 0)
	if 2*q.far*q.lax*(last-lowest(x)) < left {
		return nil, room // no line through these comes far enough
	}
	sum := Cusum(x, max(fine*(q.limit-x[first(x)]), q.quantum), slack, clip)
	x = x[sum.Since:]
	if sum.Value < enough/q.lax || len(x) < q.least {
		return nil, room
	}
	if z, n := Kendall(x); z < q.sure/math.Sqrt(q.lax) || n < q.least {
		return nil, room
	}
	half, took := len(x)/2, float64(len(x))
	if span(took, q.step) < young {
		q.far = aheadSoon
	}
	var t, early, late Trend
	late, room = TheilSen(x[half:], room)
	if late.Slope <= 0 || left/late.Slope > q.far*q.lax*took*2 {
		return nil, room
	}
	early, room = TheilSen(x[:len(x)-half], room)
	t, room = TheilSen(x, room)
	if t.Low <= 0 {
		return nil, room
	}
	expected := arrives(early, late, t, left, float64(half))
	if expected > q.far*q.lax*took {
		return nil, room
	}
	fastest, slowest := max(t.High, late.High), min(t.Low, max(late.Low, late.Slope/2))
	if early.Slope > 0 {
		fastest = max(fastest, late.Slope*late.Slope/early.Slope) // what has become faster may go on so
	}
	return &line{took: span(took, q.step), grown: last - x[0], last: last, z: t.Z, within: span(max(expected-q.lag, 0), q.step),
		soonest: span(max(min(left/fastest, expected)-q.lag-1, 0), q.step), latest: span(max((q.limit-last)/slowest, expected), q.step)}, room
}

// arrives says in how many steps what has grown goes on for as much as is left, from how
// it grew early, late and in all, half so many steps each. Where bounds do not say that
// it has changed its pace that is a line. What slows down, or speeds up, goes on so by
// the same factor for every half (Aitken's delta-squared process), and then a program
// that warms up never arrives.
func arrives(early, late, all Trend, left, half float64) float64 {
	switch {
	case early.Slope <= 0:
		return left / min(late.Slope, all.Slope)
	case late.Slope < early.Slope:
		before, now := (early.Slope+early.Low)/2, (late.Slope+late.High)/2
		if f := now / before; before > 0 && f < 1 {
			if now*half*f/(1-f) < left {
				return math.Inf(1)
			}
			return left / late.Slope
		}
		return left / late.Slope
	}
	before, now := (early.Slope+early.High)/2, (late.Slope+late.Low)/2
	if f := now / before; f > 1.01 {
		return half * math.Log(1+left*(f-1)/(now*half*f)) / math.Log(f)
	}
	return left / all.Slope
}

// first is where the first value is that is there.
func first(x []float64) int {
	for i, v := range x {
		if !math.IsNaN(v) {
			return i
		}
	}
	return 0
}

func lowest(x []float64) float64 {
	low := x[len(x)-1]
	for _, v := range x {
		if v < low { // never of NaN
			low = v
		}
	}
	return low
}

// longest keeps spans within what a time.Duration holds: four years.
const longest = 4 * 365 * 24 * time.Hour

// span is so many steps.
func span(steps float64, step time.Duration) time.Duration {
	if d := steps * float64(step); d < float64(longest) {
		return time.Duration(d)
	}
	return longest
}
