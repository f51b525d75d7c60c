package predict

import (
	"math"
	"time"
)

const (
	// slack and clip are the sum's, in standard deviations of a step; enough is the
	// sum from which on it agrees. A walk without direction exceeds it with
	// probability exp(-2·slack·enough) (Siegmund, Sequential Analysis, 1985, II.6).
	slack, clip, enough = .4, 3, 6
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
)

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

// line is a growth and when it will be at its limit.
type line struct {
	since, took             time.Duration // when it began, how long that is ago
	grown, last             float64       // by so much since, to this
	within, soonest, latest time.Duration // until it is at the limit
	z                       float64       // Kendall's
}
