package predict

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The lowest value of each span is kept, what is missing stays missing, and the last
// value is always there.
func TestSeries(t *testing.T) {
	var s series
	add := func(at time.Duration, v float64) uint { return s.add(at, v, 100) }
	for i, v := range []float64{5, 6, 4, 7} {
		if ended, want := add(time.Duration(i)*finest, v), uint(min(i, 1)); ended != want {
			t.Errorf("with value %d spans end in %b, want %b", i, ended, want)
		}
	}
	if ended := add(40*time.Second, 9); ended != 3 {
		t.Errorf("after 40s spans end in %b, want those of the two finest", ended)
	}
	add(70*time.Second, 8) // none at 50 and 60
	add(80*time.Second, 3)
	for i, want := range [][]float64{{5, 6, 4, 7, 9, math.NaN(), math.NaN(), 8}, {4, 8}} {
		var room [points]float64
		got := s.levels[i].values(&room)
		if d := cmp.Diff(want, append([]float64{}, got...), cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })); d != "" {
			t.Errorf("every %v:\n%s", width(i), d)
		}
	}
	if got := s.levels[1].swing; got != .8125 { // 7-4, and then 9-8, a quarter of what is new
		t.Errorf("within spans of 40s it went up and down by %v", got)
	}
	add(10*24*time.Hour, 1)
	add(10*24*time.Hour+finest, 2)
	var room [points]float64
	if x := s.levels[0].values(&room); len(x) != points || x[points-1] != 1 || !math.IsNaN(x[0]) {
		t.Errorf("after ten days without: %v", x)
	}
	s.levels[0].swings.returned = 7
	add(time.Second, 1)
	if l := s.levels[0]; l.n != 0 || l.swings.returned != 7 {
		t.Errorf("of time that runs back: %+v", l)
	}
}
