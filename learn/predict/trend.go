package predict

import (
	"math"
	"slices"
)

// z95 is the 0.975 quantile of the normal distribution: bounds hold 95 %.
const z95 = 1.959964

// Trend is a line through values at equal distances, some of which may be missing.
type Trend struct {
	Slope     float64 // for each step
	Low, High float64 // bounds of the slope, 95 %
	Z         float64 // Kendall's S in its standard deviations: above 0 it grows
	N         int     // values that are there
}

// TheilSen fits a line: its slope is the median of the slopes between all pairs of
// values (Sen, Estimates of the regression coefficient based on Kendall's tau, JASA
// 63, 1968), and the bounds follow from the variance of Kendall's S, ties
// counted (equations 2.4 and 4.1 there). A missing value is NaN. With fewer than three
// values it knows nothing. Pairs is room that it may use.
func TheilSen(x []float64, pairs []float64) (Trend, []float64) {
	t := Trend{}
	t.Z, t.N = Kendall(x)
	if t.N < 3 {
		return Trend{N: t.N, Low: math.Inf(-1), High: math.Inf(1)}, pairs
	}
	pairs = pairs[:0]
	for i, a := range x {
		for j := i + 1; j < len(x); j++ {
			if s := (x[j] - a) / float64(j-i); !math.IsNaN(s) {
				pairs = append(pairs, s)
			}
		}
	}
	slices.Sort(pairs)
	n := len(pairs)
	t.Slope = (pairs[(n-1)/2] + pairs[n/2]) / 2
	reach := z95 * math.Sqrt(variance(x))
	low := int(math.Floor((float64(n) - reach) / 2))
	high := int(math.Ceil((float64(n)+reach)/2)) - 1
	t.Low, t.High = pairs[min(max(low, 0), n-1)], pairs[min(max(high, 0), n-1)]
	return t, pairs
}

// Kendall gives S, how many pairs grow less how many fall, in its standard deviations
// with the correction for continuity, and how many values there are. It is 0 of values
// that are all the same.
func Kendall(x []float64) (z float64, n int) {
	s := 0
	for i, a := range x {
		if math.IsNaN(a) {
			continue
		}
		n++
		for _, b := range x[i+1:] {
			switch {
			case b > a:
				s++
			case b < a:
				s--
			}
		}
	}
	v := variance(x)
	switch {
	case v <= 0 || s == 0:
		return 0, n
	case s > 0:
		return float64(s-1) / math.Sqrt(v), n
	}
	return float64(s+1) / math.Sqrt(v), n
}

// variance is that of Kendall's S when nothing grows.
func variance(x []float64) float64 {
	var sorted [points]float64
	known := sorted[:0]
	for _, v := range x {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	slices.Sort(known)
	term := func(n int) float64 { return float64(n) * float64(n-1) * float64(2*n+5) }
	v := term(len(known))
	for i := 0; i < len(known); {
		tied := 1
		for i+tied < len(known) && known[i+tied] == known[i] {
			tied++
		}
		v -= term(tied)
		i += tied
	}
	return v / 18
}

// Sum is a cumulated sum of steps.
type Sum struct {
	Value float64 // in standard deviations of a step
	Since int     // the value from which on it is above 0
}

// Cusum adds up the steps from value to value as long as that is above 0: a step in
// its standard deviations less slack, but at most clip, so that one jump is no growth.
// What is lost counts in full, so that giving back ends it (Page, Continuous
// inspection schemes, Biometrika 41, 1954; the clipped score is Huber's). The
// deviation is at least least, and is estimated by the median of the steps' distances
// from their median, which the growth itself does not move.
func Cusum(x []float64, least, slack, clip float64) Sum {
	var room [points]float64
	steps := room[:0]
	last := math.NaN()
	for _, v := range x {
		if !math.IsNaN(v) && !math.IsNaN(last) {
			steps = append(steps, v-last)
		}
		if !math.IsNaN(v) {
			last = v
		}
	}
	deviation := max(spread(steps), least)
	sum := Sum{}
	last = math.NaN()
	for i, v := range x {
		switch {
		case math.IsNaN(v):
			continue
		case !math.IsNaN(last):
			sum.Value += min((v-last)/deviation, clip) - slack
		}
		if last = v; sum.Value <= 0 {
			sum = Sum{Since: i}
		}
	}
	return sum
}

// spread is the standard deviation of values that are normal but for fewer than half
// of them, 0 of none.
func spread(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	var room [points]float64
	sorted := append(room[:0], v...)
	slices.Sort(sorted)
	median := sorted[len(sorted)/2]
	for i := range sorted {
		sorted[i] = math.Abs(sorted[i] - median)
	}
	slices.Sort(sorted)
	return 1.4826 * sorted[len(sorted)/2]
}
