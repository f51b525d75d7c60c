package predict

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Q(n, x) of a whole n is the probability of fewer than n events of Poisson's
// distribution with mean x.
func TestUpperGamma(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, x := rapid.IntRange(1, 40).Draw(rt, "n"), rapid.Float64Range(.001, 80).Draw(rt, "x")
		want, term := 0.0, math.Exp(-x)
		for i := range n {
			want += term
			term *= x / float64(i+1)
		}
		if got := upperGamma(float64(n), x); math.Abs(got-want) > 1e-9 {
			rt.Fatalf("Q(%d, %v) is %v, want %v", n, x, got, want)
		}
	})
	if got, want := upperGamma(.5, 1), math.Erfc(1); math.Abs(got-want) > 1e-12 {
		t.Errorf("Q(½, 1) is %v, want %v", got, want)
	}
}

func crash(b *Book, unit string, at time.Duration) []Prediction {
	out := b.Stopped(unit, at, false)
	return append(out, b.Started(Start{Unit: unit, Begun: at + time.Second, Up: at + 2*time.Second, Automatic: true})...)
}

func TestRestartHazard(t *testing.T) {
	b := &Book{}
	at := 10 * time.Hour
	b.Started(Start{Unit: "a.service", Begun: at, Up: at})
	var told []Prediction
	crashes := 0
	for len(told) == 0 && crashes < 20 {
		at += 5 * time.Minute
		told = crash(b, "a.service", at)
		crashes++
	}
	if crashes < 3 || crashes > 5 || len(told) != 1 || told[0].Kind != Restarts {
		t.Fatalf("after %d crashes, one each 5 minutes: %+v", crashes, told)
	}
	p := told[0]
	if p.Soonest > 5*time.Minute || p.Latest < 5*time.Minute || p.Soonest >= p.Expected || p.Expected >= p.Latest || !strings.Contains(p.Basis, "restarted") {
		t.Errorf("the next is expected %+v", p)
	}
	for range 10 { // it goes on
		at += 5 * time.Minute
		for _, p := range crash(b, "a.service", at) {
			if p.Over != "" {
				t.Errorf("while it goes on: %v", p)
			}
		}
	}
	over := 0
	for end := at + 3*24*time.Hour; at < end; at += finest {
		for _, p := range b.Sample("a.service", at, nil) {
			if p.Over != "" {
				over++
			} else if over > 0 {
				t.Errorf("again, without a crash: %v", p)
			}
		}
	}
	if over != 1 || len(b.Predicted()) != 0 {
		t.Errorf("when it has run for days it is said to be over %d times, and predicted is %v", over, b.Predicted())
	}
}

// A crash now and then is no loop, and where all units crash one learns faster.
func TestRestartsArePooled(t *testing.T) {
	after := func(crashes bool) int {
		b := &Book{}
		at := time.Hour
		names := []string{"b.service", "c.service", "d.service", "e.service"}
		for _, n := range append(names, "a.service") {
			b.Started(Start{Unit: n, Begun: at, Up: at})
		}
		for range 48 {
			at += time.Hour
			for _, n := range names {
				b.Sample(n, at, nil)
				if crashes {
					crash(b, n, at)
				}
			}
		}
		for n := 1; n < 30; n++ {
			at += 10 * time.Minute
			if len(crash(b, "a.service", at)) > 0 {
				return n
			}
		}
		return 30
	}
	alone, among := after(false), after(true)
	if alone > 6 || among >= alone {
		t.Errorf("a loop is told after %d crashes, and after %d where all crash", alone, among)
	}
	b := &Book{}
	at := time.Hour
	b.Started(Start{Unit: "a.service", Begun: at, Up: at})
	for range 30 {
		at += 24 * time.Hour
		if out := crash(b, "a.service", at); len(out) > 0 {
			t.Fatalf("one crash a day: %v", out)
		}
	}
	if q := (rate{4, 0}); func() bool {
		q.age(time.Hour, time.Hour, true)
		return math.Abs(q.count-2) > 1e-12 || math.Abs(q.hours-.5/math.Ln2) > 1e-12
	}() {
		t.Errorf("after a half-life: %+v", q)
	}
}
