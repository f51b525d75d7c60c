package profiles

import (
	"cmp"
	"math"
	"slices"
)

// The buckets are log-linear, as HdrHistogram's (hdrhistogram.org): each power of
// two has eight of equal width. The middle of a bucket is never farther than 1/16,
// 6.25%, from a value in it. The index is made by Frexp alone, so that it is the
// same on each architecture.
const (
	perOctave = 8
	minExp    = -30 // values below 2^-31, 0.5 ns or bytes, are zero
	maxExp    = 50  // values from 2^50 on, a PiB, are in the last bucket
	lastIndex = perOctave * (maxExp - minExp + 1)

	// RelativeError bounds how far a quantile is from a value that was added, as
	// long as there are no more than MaxBuckets different buckets.
	RelativeError = 1.0 / (2 * perOctave)
	// MaxBuckets bounds a histogram. At the full resolution they cover five octaves,
	// a factor of 32; of values spread wider the lightest bucket goes into its
	// neighbour, so that the error is where the least evidence is.
	MaxBuckets = 40
	// forgotten is the weight below which a bucket goes. One run's is after 19 more.
	forgotten = 1.0 / 64
	// maxWeight is more than a bucket can come to: 12465 windows, by halfLife.
	maxWeight = 1 << 20
)

type bucket struct {
	index  uint16 // 0 is zero
	weight float32
}

// Histogram holds weights of values that are not negative. The zero value is empty.
type Histogram struct{ buckets []bucket } // by index, which is unique

// indexOf gives the bucket of a value; ok is false for what is none.
func indexOf(v float64) (i uint16, ok bool) {
	if !(v >= 0) || math.IsInf(v, 1) {
		return 0, false
	}
	frac, exp := math.Frexp(v) // v is frac times 2^exp, frac from 0.5 to below 1
	switch {
	case v == 0 || exp < minExp:
		return 0, true
	case exp > maxExp:
		return lastIndex, true
	}
	return uint16((exp-minExp)*perOctave+int((frac-.5)*2*perOctave)) + 1, true
}

// bounds gives the lowest value of a bucket and the first above it.
func bounds(index uint16) (low, high float64) {
	if index == 0 {
		return 0, 0
	}
	exp, part := int(index-1)/perOctave+minExp, float64(int(index-1)%perOctave)
	return math.Ldexp(.5+part/(2*perOctave), exp), math.Ldexp(.5+(part+1)/(2*perOctave), exp)
}

func middle(index uint16) float64 {
	low, high := bounds(index)
	return (low + high) / 2
}

func (h *Histogram) search(index uint16) (int, bool) {
	return slices.BinarySearchFunc(h.buckets, index, func(b bucket, i uint16) int { return cmp.Compare(b.index, i) })
}

// Add adds a value with weight 1. It gives false for what is not one: negative,
// infinite or no number.
func (h *Histogram) Add(v float64) bool {
	index, ok := indexOf(v)
	if !ok {
		return false
	}
	h.put(bucket{index, 1})
	return true
}

func (h *Histogram) put(b bucket) {
	if i, ok := h.search(b.index); ok {
		h.buckets[i].weight += b.weight
	} else {
		h.buckets = slices.Insert(h.buckets, i, b)
	}
	if len(h.buckets) > MaxBuckets {
		h.fold()
	}
}

// fold puts the lightest bucket into the nearer of its neighbours, of two that are
// as near into the lower one.
func (h *Histogram) fold() {
	least := 0
	for i, b := range h.buckets {
		if b.weight < h.buckets[least].weight {
			least = i
		}
	}
	into := least - 1
	if least == 0 || least+1 < len(h.buckets) && h.buckets[least+1].index-h.buckets[least].index < h.buckets[least].index-h.buckets[into].index {
		into = least + 1
	}
	h.buckets[into].weight += h.buckets[least].weight
	h.buckets = slices.Delete(h.buckets, least, least+1)
}

// Merge adds all that another histogram holds.
func (h *Histogram) Merge(o Histogram) {
	for _, b := range o.buckets {
		h.put(b)
	}
}

// Decay multiplies all weights by a factor of 0 to 1, and forgets what has become
// too light.
func (h *Histogram) Decay(factor float64) {
	for i := range h.buckets {
		h.buckets[i].weight *= float32(factor)
	}
	h.buckets = slices.DeleteFunc(h.buckets, func(b bucket) bool { return b.weight < forgotten })
}

// Weight is the sum of all weights.
func (h *Histogram) Weight() (sum float64) {
	for _, b := range h.buckets {
		sum += float64(b.weight)
	}
	return sum
}

// Quantile gives a value that a share q, from 0 to 1, of the weight is at or below,
// to within RelativeError; 0 of an empty histogram.
func (h *Histogram) Quantile(q float64) float64 {
	if len(h.buckets) == 0 {
		return 0
	}
	want, sum := q*h.Weight(), 0.0
	for _, b := range h.buckets {
		if sum += float64(b.weight); sum >= want {
			return middle(b.index)
		}
	}
	return middle(h.buckets[len(h.buckets)-1].index)
}

// Rarity gives the share of the weight that is as far out as a value, 0 to 1: twice
// that of the smaller tail which begins with the value's bucket, as the two-sided
// p-value of an exact test; 1 of an empty histogram.
func (h *Histogram) Rarity(v float64) float64 {
	index, ok := indexOf(v)
	all := h.Weight()
	if all == 0 || !ok {
		return 1
	}
	var below, above float64
	for _, b := range h.buckets {
		if b.index <= index {
			below += float64(b.weight)
		}
		if b.index >= index {
			above += float64(b.weight)
		}
	}
	return min(1, 2*min(below, above)/all)
}

// Bar is a part of a histogram: the share of the weight in values from Low to below
// High.
type Bar struct{ Low, High, Share float64 }

// Bars gives at most so many bars, at least one, with no weight left out; neighbours
// are put together where there are more buckets.
func (h *Histogram) Bars(most int) (out []Bar) {
	all := h.Weight()
	each := (len(h.buckets) + most - 1) / most
	for i, b := range h.buckets {
		low, high := bounds(b.index)
		if i%each == 0 {
			out = append(out, Bar{Low: low})
		}
		last := &out[len(out)-1]
		last.High, last.Share = high, last.Share+float64(b.weight)/all
	}
	return out
}
