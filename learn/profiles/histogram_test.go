package profiles

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func filled(values ...float64) (h Histogram) {
	for _, v := range values {
		h.Add(v)
	}
	return h
}

// Quantiles are those of the values, to within the error that is promised.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Five octaves, whose buckets all have room.
		values := rapid.SliceOfN(rapid.Float64Range(1, 31), 1, 300).Draw(t, "values")
		scale := math.Ldexp(1, rapid.IntRange(-25, 40).Draw(t, "scale"))
		for i := range values {
			values[i] *= scale
		}
		h := filled(values...)
		slices.Sort(values)
		q := rapid.Float64Range(.001, 1).Draw(t, "q")
		want := values[int(math.Ceil(q*float64(len(values))-1e-9))-1]
		if got := h.Quantile(q); math.Abs(got-want) > RelativeError*want {
			t.Fatalf("quantile %v is %v, of the values %v", q, got, want)
		}
	})
}

// Every value is within the bounds of its bucket, whose index grows with it.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Ldexp(rapid.Float64Range(1, 2).Draw(t, "v"), rapid.IntRange(minExp-1, maxExp-2).Draw(t, "exp"))
		i, ok := indexOf(v)
		low, high := bounds(i)
		if !ok || v < low || v >= high || (high-low)/2 > RelativeError*low {
			t.Fatalf("%v is in bucket %d, from %v to %v", v, i, low, high)
		}
		if next, _ := indexOf(high); next != i+1 {
			t.Fatalf("bucket %d follows on %d", next, i)
		}
	})
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if h := (Histogram{}); h.Add(v) || h.Weight() != 0 {
			t.Errorf("%v was added", v)
		}
	}
	for v, want := range map[float64]uint16{0: 0, 1e-300: 0, 1e300: lastIndex} {
		if got, ok := indexOf(v); !ok || got != want {
			t.Errorf("%v is in bucket %d, want %d", v, got, want)
		}
	}
}

// However wide the values spread: the buckets are bounded, sorted and unique, and no
// weight is lost, also where histograms are merged.
func TestBounded(t *testing.T) {
	values := rapid.SliceOf(rapid.Map(rapid.Float64Range(-40, 60), math.Exp2))
	rapid.Check(t, func(t *rapid.T) {
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		h := filled(a...)
		h.Merge(filled(b...))
		if len(h.buckets) > MaxBuckets || h.Weight() != float64(len(a)+len(b)) {
			t.Fatalf("%d buckets of weight %v, of %d values", len(h.buckets), h.Weight(), len(a)+len(b))
		}
		for i := 1; i < len(h.buckets); i++ {
			if h.buckets[i].index <= h.buckets[i-1].index {
				t.Fatalf("not sorted: %v", h.buckets)
			}
		}
		sum := 0.0
		for _, bar := range h.Bars(7) {
			sum += bar.Share
		}
		if bars := h.Bars(7); len(bars) > 7 || len(a)+len(b) > 0 && math.Abs(sum-1) > 1e-6 {
			t.Fatalf("%d bars with a share of %v", len(bars), sum)
		}
	})
}

// What is long ago counts less, and is forgotten in the end.
func TestDecay(t *testing.T) {
	h := filled(1)
	for range 18 {
		h.Decay(perRun)
		h.Add(100)
	}
	if got, want := float64(h.buckets[0].weight), math.Pow(perRun, 18); math.Abs(got-want) > 1e-6 {
		t.Errorf("after 18 runs a value weighs %v, want %v", got, want)
	}
	h.Decay(perRun)
	h.Add(100)
	if len(h.buckets) != 1 {
		t.Errorf("after 19 runs there is still %v", h.buckets)
	}
	if w := h.Weight(); w > 5 {
		t.Errorf("runs weigh %v", w)
	}
}

func TestRarity(t *testing.T) {
	h := filled(10, 10, 10, 10, 10, 10, 20, 20, 20, 40)
	for v, want := range map[float64]float64{10: 1, 20: .8, 40: .2, 80: 0, 5: 0, 30: .2} {
		if got := h.Rarity(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("the rarity of %v is %v, want %v", v, got, want)
		}
	}
	if empty := (Histogram{}); empty.Rarity(1) != 1 {
		t.Error("something is rare where there is nothing")
	}
}
