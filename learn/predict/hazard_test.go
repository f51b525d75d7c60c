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

// Where all units crash, the same restarts of one make a loop likelier.
func TestRestartsArePooled(t *testing.T) {
	h := hazard{}
	h.age(time.Hour, true)
	h.restarted(time.Hour)
	h.restarted(time.Hour)
	calm, _ := h.loop(rate{0, 10000})
	stormy, post := h.loop(rate{200, 10000})
	if calm >= stormy || stormy >= certain || post.count <= 2 {
		t.Errorf("two restarts are a loop with %.3f, and with %.3f, by %+v, where others restart each 50 hours", calm, stormy, post)
	}
	h = hazard{}
	h.restarted(0)
	if p, _ := h.loop(rate{1e6, 1}); p >= certain {
		t.Errorf("however much others restart, one restart is no loop, and this is one with %.3f", p)
	}
}

func TestCrashEachDayIsNoLoop(t *testing.T) {
	b := &Book{}
	at := time.Hour
	b.Started(Start{Unit: "a.service", Begun: at, Up: at})
	for range 30 {
		at += 24 * time.Hour
		if out := crash(b, "a.service", at); len(out) > 0 {
			t.Fatalf("one crash a day: %v", out)
		}
	}
}

func TestRateFades(t *testing.T) {
	r := rate{count: 4}
	r.age(time.Hour, time.Hour, true)
	if math.Abs(r.count-2) > 1e-12 || math.Abs(r.hours-.5/math.Ln2) > 1e-12 {
		t.Errorf("after a half-life: %+v", r)
	}
	r.age(time.Hour, time.Hour, false)
	if math.Abs(r.count-1) > 1e-12 || math.Abs(r.hours-.25/math.Ln2) > 1e-12 {
		t.Errorf("after another one, in which it was not to run: %+v", r)
	}
}
