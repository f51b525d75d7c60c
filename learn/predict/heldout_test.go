package predict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// What the package is judged by and was not tuned with: no constant was changed since
// these forms and numbers were written down. It was tuned with the groups of
// tune_full_test.go, uneven_full_test.go and forms_full_test.go, whose forms are others.

// quickens is a leak that after a third of its life goes on twice as fast.
func quickens(life time.Duration, level float64) shape {
	return func(*rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			x := t / life.Seconds()
			return (1 - level) * (x + max(x-1./3, 0)) / (5. / 3)
		}
	}
}

// drifts is noise that stays for a while, of a first-order autoregression.
func drifts(level, deviation, stays float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v := 0.0
		return func(float64) float64 {
			v = stays*v + deviation*math.Sqrt(1-stays*stays)*r.NormFloat64()
			return level + v
		}
	}
}

// purged is a leak of which two fifths of what has come lately are given back, so often
// in a life.
func purged(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		each := life.Seconds() / float64(n)
		return func(t float64) float64 {
			return (1 - level) / life.Seconds() * (t + .4*(math.Mod(t, each)-each/2))
		}
	}
}

// handfuls come at random, several at once.
func handfuls(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v, next := 0.0, 0.0
		mean := life.Seconds() / float64(n)
		return func(t float64) float64 {
			for ; next <= t; next += r.ExpFloat64() * mean {
				v += (1 - level) / float64(n) * (.5 + r.Float64())
			}
			return v
		}
	}
}

// dumps are files that are written at once, each some larger than the one before, of
// which the oldest is deleted now and then.
func dumps(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		each := life.Seconds() / float64(n)
		return func(t float64) float64 {
			k := math.Floor(t / each)
			return (1 - level) * (k*(1+.2*k/float64(n)) - math.Floor(k/7)) / (1.2*float64(n) - float64(n/7))
		}
	}
}

// shifts is a leak that stands still half of the time.
func shifts(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		each := life.Seconds() / float64(n)
		return func(t float64) float64 {
			return (1 - level) / float64(n) * (math.Floor(t/each) + min(2*math.Mod(t, each)/each, 1))
		}
	}
}

// doubles is a latency that is half as long again each so often.
func doubles(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			x := (math.Floor(float64(n)*t/life.Seconds()) + 1) / float64(n)
			return level * (math.Pow(1/level, x) - 1) * math.Exp(.1*r.NormFloat64())
		}
	}
}

// trapezoid loads for a while, keeps it, and lets it go, in a round.
func trapezoid(low, high float64, round, load, keep time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at := r.Float64() * round.Seconds()
		return func(t float64) float64 {
			x := math.Mod(t+at, round.Seconds())
			up := 0.0
			switch l, k := load.Seconds(), keep.Seconds(); {
			case x < l:
				up = x / l
			case x < l+k:
				up = 1
			case x < 1.5*l+k:
				up = 1 - (x-l-k)/(l/2)
			}
			return low + (high-low)*up + .005*r.NormFloat64()
		}
	}
}

// moods is a cache whose rounds and peaks are never the same.
func moods(low, high float64, round time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		begun, length, peak := 0.0, round.Seconds()*r.Float64(), high
		return func(t float64) float64 {
			if t > begun+length {
				begun, length, peak = t, round.Seconds()*math.Exp(.6*r.NormFloat64()), low+(high-low)*(.4+.6*r.Float64())
			}
			return low + (peak-low)*(t-begun)/length
		}
	}
}

// twice warms up fast, and then slowly.
func twice(level float64, fast, slow time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			return level*(1-.6*math.Exp(-t/fast.Seconds())-.4*math.Exp(-t/slow.Seconds())) + .004*r.NormFloat64()
		}
	}
}

// logarithm grows ever more slowly, up to a most.
func logarithm(level, each, most float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 { return min(level+each*math.Log(1+t/60), most) + .003*r.NormFloat64() }
	}
}

// shots come at random and fade.
func shots(level, each float64, every, fade time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v := 0.0
		return func(float64) float64 {
			v *= math.Exp(-finest.Seconds() / fade.Seconds())
			if r.Float64() < finest.Seconds()/every.Seconds() {
				v = min(v+each*r.ExpFloat64(), .9-level)
			}
			return level + v
		}
	}
}

// levels is one of some, at random, for a while.
func levels(all []float64, stay time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at := 0
		return func(float64) float64 {
			if r.Float64() < finest.Seconds()/stay.Seconds() {
				at = r.IntN(len(all))
			}
			return all[at] + .01*r.NormFloat64()
		}
	}
}

// seasons is a sine of any length, with a smaller one on it.
func seasons(low, high float64, long, short time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		a, b := r.Float64()*2*math.Pi, r.Float64()*2*math.Pi
		return func(t float64) float64 {
			x := .5 + .35*math.Sin(a+2*math.Pi*t/long.Seconds()) + .15*math.Sin(b+2*math.Pi*t/short.Seconds())
			return low + (high-low)*x + .008*r.NormFloat64()
		}
	}
}

// scaled is a latency that takes several times as long when it is busy.
func scaled(median, sigma, by float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at := r.Float64() * 24
		return func(t float64) float64 {
			busy := math.Pow(math.Sin(math.Pi*(t/3600+at)/24), 2)
			return median * (1 + (by-1)*busy) * math.Exp(sigma*r.NormFloat64())
		}
	}
}

// pairs of restarts come soon one behind the other, and then there is a pause.
func pairs(soon, pause, quiet time.Duration, count int) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.begin(time.Second)
		wait := quiet
		for n := range count + 1 {
			for end := s.now + time.Duration(float64(wait)*(.7+.6*r.Float64())); s.now < end; s.now += finest {
				s.sample(nil)
			}
			if wait = pause; n%2 == 0 {
				wait = soon
			}
			if n == 0 {
				s.onset = s.now
			}
			s.failed = s.now
			s.told(s.book.Stopped(unitName, s.now, false))
			s.now += 500 * time.Millisecond
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + time.Second, Automatic: true}))
		}
	}
}

func heldOutFaults() (out []fault) {
	for _, life := range []time.Duration{30 * time.Minute, 2 * time.Hour, 9 * time.Hour, 30 * time.Hour, 4 * day, 21 * day} {
		add := func(what string, kind Kind, run func(*rand.Rand, *simulation)) {
			out = append(out, fault{name: fmt.Sprintf("%s in %s", what, Span(life)), kind: kind, run: run})
		}
		add("leak that quickens", Memory, grow(Memory, drifts(.14, .004, .9), 0, quickens(life, .14)))
		add("leak in drifting noise", Memory, grow(Memory, drifts(.1, .012, .97), 4*time.Hour, linear(life, .1)))
		add("leak that is purged in part", Memory, grow(Memory, drifts(.16, .003, .5), 0, purged(life, .16, 12)))
		add("leak in shifts", Memory, grow(Memory, drifts(.2, .003, .5), 26*time.Hour, shifts(life, .2, 14)))
		add("descriptors beside load", Descriptors, grow(Descriptors, seasons(.02, .09, 2*time.Hour, 25*time.Minute), 0, linear(life, .09)))
		add("threads in handfuls", Tasks, grow(Tasks, drifts(.06, .003, .8), 0, handfuls(life, .06, 120)))
		add("dumps", Disk, grow(Disk, flat(.35, .0001), 0, dumps(life, .35, 48)))
		if life >= time.Hour {
			add("slow disk, even", Latency, grow(Latency, scaled(.02, .5, 2), 7*time.Hour, quickens(life, .03)))
			add("probe, in leaps", Latency, grow(Latency, scaled(.02, .4, 1.5), 2*time.Hour, doubles(life, .12, 20)))
		}
	}
	for _, l := range []time.Duration{time.Minute, 6 * time.Minute, 30 * time.Minute} {
		out = append(out, fault{name: "crashes in pairs, pause " + Span(2*l), kind: Restarts, run: pairs(l/3, 2*l, 17*time.Hour, 12)})
	}
	for _, n := range []int{5, 7, 9} {
		out = append(out, fault{name: fmt.Sprintf("stuck for %d probes", n), kind: Latency, run: stuck(n)})
	}
	for _, c := range []struct {
		n     int
		noise float64
	}{{26, .15}, {40, .1}} {
		out = append(out, fault{name: fmt.Sprintf("slower starts, %d", c.n), kind: Starts, run: slowly(c.n, func(x float64) float64 { return x * (.7 + .3*x) }, c.noise)})
	}
	return out
}

func heldOutShapes() map[string]shape {
	return map[string]shape{
		"nightly job":         trapezoid(.12, .55, day, 70*time.Minute, 2*time.Hour),
		"rounds of 90m":       trapezoid(.2, .5, 90*time.Minute, 25*time.Minute, 30*time.Minute),
		"cache with moods":    moods(.1, .6, 2*time.Hour),
		"cache, daily":        moods(.15, .5, 20*time.Hour),
		"warm-up twice":       twice(.5, 90*time.Second, 50*time.Minute),
		"logarithm":           logarithm(.08, .035, .5),
		"drifting":            drifts(.4, .06, .9995),
		"levels":              levels([]float64{.15, .3, .55}, 5*time.Hour),
		"shots":               shots(.15, .12, 3*time.Hour, 35*time.Minute),
		"seasons, 10 days":    seasons(.15, .5, 10*day, day),
		"seasons, a day":      seasons(.1, .45, day, 3*time.Hour),
		"noise, drifting":     drifts(.3, .02, .95),
		"latency, busy":       scaled(.02, .5, 4),
		"latency, very busy":  scaled(.03, .35, 8),
		"latency with shots":  plus(scaled(.01, .6, 2), shots(0, .08, 40*time.Minute, 4*time.Minute)),
		"descriptors, little": levels([]float64{.004, .007, .012, .02}, 3*time.Minute),
	}
}

// TestHeldOut holds the package to what issue 5 asks, on what it was not tuned with.
func TestHeldOut(t *testing.T) {
	c := judge(t, heldOutFaults(), heldOutShapes(), 2, 16, 30*day)
	t.Logf("\n%v", c)
	if c.recall() < .9 {
		t.Errorf("recall with at least half of the life left is %.3f, below 0.9", c.recall())
	}
	if c.perMonth() > 1 {
		t.Errorf("%.2f false alarms in a service-month, above 1", c.perMonth())
	}
}
