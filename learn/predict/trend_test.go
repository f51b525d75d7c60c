package predict

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestTheilSen(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		in    []float64
		slope float64
		n     int
	}{
		"a line":                 {[]float64{1, 3, 5, 7, 9, 11, 13, 15}, 2, 8},
		"a line that falls":      {[]float64{8, 7, 6, 5, 4}, -1, 5},
		"one outlier":            {[]float64{0, 1, 2, 3, 1000, 5, 6, 7, 8}, 1, 9},
		"holes":                  {[]float64{nan, 2, nan, 6, 8, nan, 12}, 2, 4},
		"flat":                   {[]float64{4, 4, 4, 4}, 0, 4},
		"Sen's pairs, by hand":   {[]float64{1, 2, 2, 5}, 1.1666666666666667, 4}, // slopes 1, ½, 4/3, 0, 3/2, 3
		"too few":                {[]float64{1, 2}, 0, 2},
		"nothing":                {nil, 0, 0},
		"only what is not there": {[]float64{nan, nan, nan}, 0, 0},
	} {
		got, _ := TheilSen(c.in, nil)
		if math.Abs(got.Slope-c.slope) > 1e-12 || got.N != c.n {
			t.Errorf("%s: %+v, want slope %v of %d", name, got, c.slope, c.n)
		}
		if got.Low > got.Slope || got.Slope > got.High {
			t.Errorf("%s: the slope is not within its bounds: %+v", name, got)
		}
	}
}

// Of eight values that only grow S is 28 and its variance 8·7·21/18; Kendall's tables
// have the same. Ties lower it.
func TestKendall(t *testing.T) {
	z, n := Kendall([]float64{1, 2, 3, 4, 5, 6, 7, 8})
	if want := 27 / math.Sqrt(8*7*21/18.); math.Abs(z-want) > 1e-12 || n != 8 {
		t.Errorf("z %v of %d, want %v of 8", z, n, want)
	}
	z, _ = Kendall([]float64{1, 1, 2, 2}) // S is 4, the variance (4·3·13-2·2·1·9)/18
	if want := 3 / math.Sqrt(120/18.); math.Abs(z-want) > 1e-12 {
		t.Errorf("with ties z %v, want %v", z, want)
	}
	if z, n = Kendall([]float64{3, 3, 3}); z != 0 || n != 3 {
		t.Errorf("of what is all the same: %v of %d", z, n)
	}
}

// Scale and shift change the slope as they should, and what is turned round falls.
func TestTheilSenProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var x []float64 // whole numbers, so that ties stay ties
		for _, v := range rapid.SliceOfN(rapid.IntRange(-1000, 1000), 3, points).Draw(rt, "x") {
			x = append(x, float64(v))
		}
		by, more := float64(rapid.IntRange(1, 10).Draw(rt, "by")), float64(rapid.IntRange(-100, 100).Draw(rt, "more"))
		a, _ := TheilSen(x, nil)
		scaled, turned := make([]float64, len(x)), make([]float64, len(x))
		for i, v := range x {
			scaled[i], turned[len(x)-1-i] = v*by+more, v
		}
		b, _ := TheilSen(scaled, nil)
		if math.Abs(b.Slope-a.Slope*by) > 1e-6 || math.Abs(b.Low-a.Low*by) > 1e-6 || math.Abs(b.High-a.High*by) > 1e-6 {
			rt.Fatalf("%+v, by %v %+v", a, by, b)
		}
		c, _ := TheilSen(turned, nil)
		if math.Abs(c.Slope+a.Slope) > 1e-9 || math.Abs(c.Z+a.Z) > 1e-9 {
			rt.Fatalf("%+v, turned round %+v", a, c)
		}
	})
}

// The bounds hold what they say, of lines in normal noise.
func TestTheilSenBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held, room := 0, []float64(nil)
	const times = 1000
	for range times {
		x := make([]float64, 24)
		for i := range x {
			x[i] = .5*float64(i) + 3*r.NormFloat64()
		}
		var got Trend
		if got, room = TheilSen(x, room); got.Low <= .5 && .5 <= got.High {
			held++
		}
	}
	if share := float64(held) / times; share < .93 || share > .98 {
		t.Errorf("the bounds of 95 %% hold in %.1f %%", 100*share)
	}
}

func TestCusum(t *testing.T) {
	make := func(n int, f func(i int) float64) (x []float64) {
		for i := range n {
			x = append(x, f(i))
		}
		return x
	}
	for name, c := range map[string]struct {
		in    []float64
		agree bool
		since int // at least; at most two later
	}{
		"flat":          {make(40, func(int) float64 { return 5 }), false, 39},
		"a line":        {make(40, func(i int) float64 { return float64(i) }), true, 0},
		"one step":      {make(40, func(i int) float64 { return 100 * float64(i/20) }), false, 20},
		"flat, then up": {make(40, func(i int) float64 { return max(float64(i-20), 0) }), true, 19},
		"up, then down": {make(40, func(i int) float64 { return float64(min(i, 60-2*i)) }), false, 39},
		"a saw":         {make(44, func(i int) float64 { return float64(i % 8) }), false, 43},
		"stairs":        {make(40, func(i int) float64 { return 5 * float64(i/2) }), true, 0},
		"with a hole": {make(40, func(i int) float64 {
			if i%5 == 3 {
				return math.NaN()
			}
			return float64(i)
		}), true, 0},
	} {
		got := Cusum(c.in, 1, slack, clip)
		if agree := got.Value >= enough; agree != c.agree {
			t.Errorf("%s: %+v, want agreement %v", name, got, c.agree)
		}
		if c.agree && (got.Since < c.since || got.Since > c.since+2) {
			t.Errorf("%s: since %d, want %d", name, got.Since, c.since)
		}
	}
	saw := Cusum(make(44, func(i int) float64 { return float64((i + 1) % 11) }), 1, slack, clip)
	if saw.Value > 0 {
		t.Errorf("right behind its fall a saw has a sum of %v", saw.Value)
	}
}

// Noise does not make the sum agree with a trend more often than both tests may.
func TestNoiseDoesNotGrow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	const times = 5000
	for range times {
		x := make([]float64, points)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		if s := Cusum(x, 0, slack, clip); s.Value >= enough {
			if z, _ := Kendall(x[s.Since:]); z >= sure {
				wrong++
			}
		}
	}
	if wrong > times/1000 {
		t.Errorf("%d of %d series of noise grow", wrong, times)
	}
}
