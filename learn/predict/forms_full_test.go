//go:build full

package predict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// The third part of what the constants were chosen by: leaks that accelerate, slow down
// or have a collector, and what is healthy in forms that are like growth for a while.

// exponential is a leak of what grows by its own size.
func exponential(life time.Duration, level float64) shape {
	return func(*rand.Rand) func(float64) float64 {
		return func(t float64) float64 { return level * (math.Pow(1/level, t/life.Seconds()) - 1) }
	}
}

// heap is a collector's that lets garbage be as large as what lives (GOGC=100), and what
// lives grows from one share to another in a time; 0: it does not.
func heap(from, to float64, life time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		garbage, last := 0.0, 0.0
		return func(t float64) float64 {
			live := from
			if life > 0 {
				live += (to - from) * t / life.Seconds()
			}
			garbage += live * (t - last) / 95 * (.6 + .8*r.Float64())
			if last = t; garbage > live {
				garbage = 0
			}
			return live + garbage
		}
	}
}

// batches is a leak in jobs that run so many times in a life, each for a tenth of the
// time between, and leak unevenly.
func batches(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v, last, much := 0.0, 0.0, 1.0
		each := life.Seconds() / float64(n)
		return func(t float64) float64 {
			if math.Floor(t/each) != math.Floor(last/each) {
				much = .5 + r.Float64()
			}
			if math.Mod(t, each) < each/10 {
				v += (1 - level) / float64(n) * much * (t - last) / (each / 10)
			}
			last = t
			return v
		}
	}
}

// births opens and closes at random, and closes less often.
func births(life time.Duration, level float64, limit float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v, last := 0.0, 0.0
		return func(t float64) float64 {
			rate := 3 * (1 - level) * limit * (t - last) / life.Seconds() // 3 are opened for 2 that are closed
			last = t
			v = max(v+rate/3+math.Sqrt(rate*5/3)*r.NormFloat64(), 0)
			return v / limit
		}
	}
}

// rotated is a log that is compressed so many times in a life, and kept.
func rotated(life time.Duration, level float64, n int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		each := life.Seconds() / float64(n)
		return func(t float64) float64 {
			old, now := math.Floor(t/each), math.Mod(t, each)/each
			return (1 - level) / float64(n) * (old + 2*now*now)
		}
	}
}

// tide goes up and down evenly, more slowly up.
func tide(low, high float64, period time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at, stretch := r.Float64(), .9+.2*r.Float64()
		return func(t float64) float64 {
			x := math.Mod(t/period.Seconds()*stretch+at, 1)
			if x < .65 {
				x /= .65
			} else {
				x = (1 - x) / .35
			}
			return low + (high-low)*x + .006*(r.Float64()+r.Float64()-1)
		}
	}
}

// fraction is a cache whose working set is found by a power of time, until it is full.
func fraction(low, full float64, by time.Duration, exponent float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			return low + (full-low)*min(math.Pow(t/by.Seconds(), exponent), 1) - .004*r.ExpFloat64()
		}
	}
}

// office is up in hours of work, with a ramp in the morning and lunch.
func office(night, day float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		shift := float64(r.IntN(24))
		return func(t float64) float64 {
			h := math.Mod(t/3600+shift, 24)
			up := min(max((h-7)/2, 0), 1) * min(max((18-h)/1.5, 0), 1)
			if h > 12 && h < 13 {
				up *= .7
			}
			return night + (day-night)*up + .012*r.NormFloat64()
		}
	}
}

// pool has members that come one by one when it is busy, and go when it is not.
func pool(low, high float64, members int) shape {
	return func(r *rand.Rand) func(float64) float64 {
		n, busy, until := 0, false, 0.0
		return func(t float64) float64 {
			if t > until {
				busy, until = !busy, t+r.ExpFloat64()*2*3600
			}
			switch {
			case busy && n < members && r.IntN(30) == 0:
				n++
			case !busy && n > 0 && r.IntN(60) == 0:
				n--
			}
			return low + (high-low)*float64(n)/float64(members)
		}
	}
}

// ringing is a damped oscillation that noise keeps going (AR(2)).
func ringing(mean, scale float64, period time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		const damp = .995
		a := 2 * damp * math.Cos(2*math.Pi*finest.Seconds()/period.Seconds())
		x, y := 0.0, 0.0
		return func(float64) float64 {
			x, y = a*x-damp*damp*y+r.NormFloat64(), x
			return mean + scale*math.Tanh(x/40)
		}
	}
}

// backup needs much for a while each day or week.
func backup(rest, much float64, every, long time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		at := r.Float64() * every.Seconds()
		return func(t float64) float64 {
			v := rest + .008*r.NormFloat64()
			if x := math.Mod(t+at, every.Seconds()) / long.Seconds(); x < 1 {
				v += (much - rest) * math.Sin(math.Pi*x)
			}
			return v
		}
	}
}

// uneven restarts come in Erlang's intervals, of three stages.
func uneven(every, quiet time.Duration, count int) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.begin(time.Second)
		wait := quiet
		for n := range count + 1 {
			for end := s.now + wait; s.now < end; s.now += finest {
				s.sample(nil)
			}
			wait = time.Duration((r.ExpFloat64() + r.ExpFloat64() + r.ExpFloat64()) / 3 * float64(every))
			if n == 0 {
				s.onset = s.now
			}
			s.failed = s.now
			s.told(s.book.Stopped(unitName, s.now, false))
			s.now += 5 * time.Second
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + 2*time.Second, Automatic: true}))
		}
	}
}

func formFaults() (out []fault) {
	for _, life := range []time.Duration{25 * time.Minute, 100 * time.Minute, 7 * time.Hour, 40 * time.Hour, 7 * day, 25 * day} {
		add := func(what string, kind Kind, run func(*rand.Rand, *simulation)) {
			out = append(out, fault{name: fmt.Sprintf("%s in %s", what, Span(life)), kind: kind, run: run})
		}
		quiet := ringing(.12, .006, 7*time.Minute)
		add("exponential leak", Memory, grow(Memory, quiet, 0, exponential(life, .12)))
		add("slowing leak", Memory, grow(Memory, quiet, 0, power(life, .12, .8)))
		add("leaking heap", Memory, grow(Memory, flat(.02, .001), 0, heap(.06, .5, life)))
		add("leak in batches", Memory, grow(Memory, quiet, 6*time.Hour, batches(life, .12, 30)))
		add("leak in a tide, after days", Memory, grow(Memory, tide(.1, .2, 11*time.Hour), 60*time.Hour, power(life, .2, 1)))
		add("descriptors, opened and closed", Descriptors, grow(Descriptors, flat(.03, .002), 0, births(life, .03, 1024)))
		add("threads of a pool", Tasks, grow(Tasks, pool(.02, .08, 30), 5*time.Hour, power(life, .08, 1.1)))
		add("rotated logs", Disk, grow(Disk, flat(.25, .0003), 0, rotated(life, .25, 24)))
		if life >= time.Hour {
			add("probe, exponential", Latency, grow(Latency, lognormal(.03, .35), 90*time.Minute, exponential(life, .15)))
			add("slow disk", Latency, grow(Latency, ringing(.03, .01, 5*time.Minute), 2*time.Hour, plus(power(life, .03, .9), heavy(0, .01))))
		}
	}
	for _, l := range []time.Duration{2 * time.Minute, 15 * time.Minute, 50 * time.Minute} {
		out = append(out, fault{name: "crash loop each " + Span(l), kind: Restarts, run: uneven(l, 30*time.Hour, 13)})
	}
	for _, n := range []int{5, 6, 10} {
		out = append(out, fault{name: fmt.Sprintf("stuck for %d probes", n), kind: Latency, run: stuck(n)})
	}
	for _, n := range []int{28, 50} {
		out = append(out, fault{name: fmt.Sprintf("slow disk, %d starts", n), kind: Starts, run: slowly(n, func(x float64) float64 { return (math.Exp(2*x) - 1) / (math.Exp(2) - 1) }, .07)})
	}
	return out
}

func formShapes() map[string]shape {
	return map[string]shape{
		"heap":                 heap(.3, .3, 0),
		"tide, 45m":            tide(.15, .6, 45*time.Minute),
		"tide, 13h":            tide(.1, .55, 13*time.Hour),
		"tide, 3d":             tide(.2, .5, 3*day),
		"cache by a root, 2h":  fraction(.1, .6, 2*time.Hour, .5),
		"cache by a power, 2d": fraction(.05, .5, 2*day, .7),
		"cache by a line, 4m":  fraction(.05, .65, 4*time.Minute, 1),
		"office":               office(.1, .5),
		"office, little":       office(.3, .4),
		"pool":                 pool(.05, .6, 200),
		"ringing, 20m":         ringing(.4, .2, 20*time.Minute),
		"ringing, 4h":          ringing(.4, .3, 4*time.Hour),
		"backup, daily":        backup(.2, .7, day, 40*time.Minute),
		"backup, weekly":       backup(.15, .8, 7*day, 5*time.Hour),
		"latency, two ways":    plus(lognormal(.01, .3), jobs(0, .2, time.Hour, 10*time.Minute)),
		"noise":                lognormal(.2, .1),
	}
}
