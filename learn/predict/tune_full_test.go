//go:build full

package predict

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What the constants of this package were chosen by. Its shapes are plain: lines,
// sines, exponentials, normal noise.

// steps is linear in jumps.
func steps(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 { return (1 - level) * math.Floor(t/life.Seconds()*float64(n)) / float64(n) }
	}
}

// ramps is a cache that grows by a line from low to high and is trimmed each period.
func ramps(low, high float64, period time.Duration, noise float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		p := period.Seconds() * (.8 + .4*r.Float64())
		return func(t float64) float64 {
			return low + (high-low)*math.Mod(t, p)/p + noise*r.NormFloat64()
		}
	}
}

func warm(level float64, tau time.Duration, noise float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			return level*(1-math.Exp(-t/tau.Seconds())) + noise*r.NormFloat64()
		}
	}
}

func sine(low, high float64, noise float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at := r.Float64() * 2 * math.Pi
		return func(t float64) float64 {
			return low + (high-low)*(.5-.5*math.Cos(t/day.Seconds()*2*math.Pi+at)) + noise*r.NormFloat64()
		}
	}
}

// wanders goes up and down at random, and is drawn back to its mean.
func wanders(mean, deviation float64, back time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v := 0.0
		k := finest.Seconds() / back.Seconds()
		return func(float64) float64 {
			v += -k*v + deviation*math.Sqrt(2*k)*r.NormFloat64()
			return mean + v
		}
	}
}

// jumps to another level now and then.
func jumps(low, high float64, every time.Duration, noise float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		level := low
		return func(float64) float64 {
			if r.Float64() < finest.Seconds()/every.Seconds() {
				level = low + (high-low)*r.Float64()
			}
			return level + noise*r.NormFloat64()
		}
	}
}

// lognormal is a latency.
func lognormal(median, sigma float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(float64) float64 { return median * math.Exp(sigma*r.NormFloat64()) }
	}
}

// loop is restarts at random, so often, until the count-th.
func loop(every time.Duration, quiet time.Duration, count int) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.begin(time.Second)
		for end := s.now + quiet; s.now < end; s.now += finest {
			s.sample(nil)
		}
		for n := range count {
			end := s.now + time.Duration(r.ExpFloat64()*float64(every))
			for ; s.now < end; s.now += finest {
				s.sample(nil)
			}
			if n == 0 {
				s.onset = s.now
			}
			s.failed = s.now
			s.told(s.book.Stopped(unitName, s.now, false))
			s.now += time.Second
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + time.Second, Automatic: true}))
		}
	}
}

func tuneFaults() (out []fault) {
	for _, life := range []time.Duration{15 * time.Minute, 45 * time.Minute, 3 * time.Hour, 16 * time.Hour, 3 * day, 12 * day} {
		add := func(what string, kind Kind, run func(*rand.Rand, *simulation)) {
			out = append(out, fault{name: fmt.Sprintf("%s in %s", what, Span(life)), kind: kind, run: run})
		}
		add("even memory leak", Memory, grow(Memory, flat(.1, .003), 0, linear(life, .1)))
		add("noisy memory leak", Memory, grow(Memory, flat(.2, .02), 0, linear(life, .2)))
		add("memory leak after 8h", Memory, grow(Memory, flat(.15, .005), 8*time.Hour, linear(life, .15)))
		add("memory leak in steps", Memory, grow(Memory, flat(.1, .002), 0, steps(life, .1, 40)))
		add("memory leak with a collector", Memory, grow(Memory, plus(flat(.1, .002), ramps(0, .1, life/60, 0)), 0, linear(life, .2)))
		add("descriptor leak", Descriptors, grow(Descriptors, flat(.05, .004), 0, linear(life, .05)))
		add("thread leak", Tasks, grow(Tasks, flat(.05, .002), time.Hour, linear(life, .05)))
		if life >= time.Hour {
			add("files", Disk, grow(Disk, flat(.3, .0005), 0, linear(life, .3)))
			add("slowing probe", Latency, grow(Latency, lognormal(.01, .4), 3*time.Hour, func(r *rand.Rand) func(float64) float64 {
				return func(t float64) float64 { return t / life.Seconds() * math.Exp(.2*r.NormFloat64()) }
			}))
		}
	}
	out = append(out,
		fault{name: "crash loop, 1m", kind: Restarts, run: loop(time.Minute, 2*time.Hour, 12)},
		fault{name: "crash loop, 10m", kind: Restarts, run: loop(10*time.Minute, 2*day, 12)},
		fault{name: "crash loop, 1h", kind: Restarts, run: loop(time.Hour, 3*day, 14)},
		fault{name: "slower starts, 30", kind: Starts, run: slowly(30, func(x float64) float64 { return x }, .05)},
		fault{name: "slower starts, 60", kind: Starts, run: slowly(60, func(x float64) float64 { return x }, .05)},
	)
	return out
}

func tuneShapes() map[string]shape {
	return map[string]shape{
		"noise":                    flat(.3, .03),
		"noise, high":              flat(.8, .01),
		"cache, 20m":               ramps(.1, .6, 20*time.Minute, .003),
		"cache, 3h":                ramps(.05, .5, 3*time.Hour, .003),
		"cache, 20h":               ramps(.1, .7, 20*time.Hour, .003),
		"collector, 1m":            ramps(.2, .5, time.Minute, .01),
		"warm-up, 2m":              warm(.6, 2*time.Minute, .003),
		"warm-up, 30m":             warm(.6, 30*time.Minute, .003),
		"warm-up, 5h":              warm(.5, 5*time.Hour, .003),
		"day":                      sine(.1, .6, .01),
		"day, little":              sine(.2, .35, .02),
		"wanders":                  wanders(.4, .08, time.Hour),
		"wanders slowly":           wanders(.4, .1, 12*time.Hour),
		"jumps":                    jumps(.1, .8, 8*time.Hour, .003),
		"latency":                  lognormal(.02, .5),
		"latency, day, with peaks": plus(lognormal(.01, 1), sine(0, .1, 0)),
	}
}

// TestTuned holds the package to what it was chosen by; TestHeldOut says how good it is.
// Most of its healthy units have series that are like a leak until they are known: each
// one that goes far beyond a third of the way is told once.
func TestTuned(t *testing.T) {
	shapes := tuneShapes()
	maps.Copy(shapes, unevenShapes())
	maps.Copy(shapes, formShapes())
	c := judge(t, slices.Concat(tuneFaults(), unevenFaults(), formFaults()), shapes, 1, 24, 30*day)
	t.Logf("\n%v", c)
	if c.recall() < .9 || c.perMonth() > 1 {
		t.Errorf("recall %.3f, %.2f false alarms in a service-month", c.recall(), c.perMonth())
	}
}
