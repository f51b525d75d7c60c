//go:build full

package predict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// The second half of what the constants were chosen by: leaks follow traffic, accelerate, come in bursts of uneven
// size or ride on caches; caches are trimmed when they please, and what is healthy
// settles in other curves and has other noise.

// traffic is how busy a unit is at an hour, 0 to 1: little at night, two peaks a day.
func traffic(t float64) float64 {
	h := math.Mod(t/3600, 24)
	return .1 + .9*math.Exp(-math.Pow((h-11)/3.5, 2)) + .6*math.Exp(-math.Pow((h-19)/2, 2))
}

// busy is a leak that grows with traffic.
func busy(life time.Duration, level float64) shape {
	return func(*rand.Rand) func(float64) float64 {
		const mean = .38 // of traffic
		v, last := 0.0, 0.0
		return func(t float64) float64 {
			v, last = v+(1-level)*(t-last)/life.Seconds()*traffic(t)/mean, t
			return v
		}
	}
}

// bursts is a leak of Poisson's process whose pieces have Pareto's sizes.
func bursts(life time.Duration, level float64, pieces float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v, last := 0.0, 0.0
		return func(t float64) float64 {
			for range int((t - last) / 10) {
				if r.Float64() < pieces*10/life.Seconds() {
					v += (1 - level) / pieces / 3 * math.Pow(1-r.Float64(), -1/1.5) // of mean 1/pieces
				}
			}
			last = t
			return v
		}
	}
}

// power is a leak that goes faster, or slower, the longer it goes.
func power(life time.Duration, level, exponent float64) shape {
	return func(*rand.Rand) func(float64) float64 {
		return func(t float64) float64 { return (1 - level) * math.Pow(t/life.Seconds(), exponent) }
	}
}

// queue is the latency of a server that comes to its capacity (M/M/1): it grows as
// 1/(1-ρ), in gamma's noise.
func queue(life time.Duration, level float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			rho := .3 + .695*t/life.Seconds()
			return level / max(1-rho, 1e-3) * (r.ExpFloat64() + r.ExpFloat64() + r.ExpFloat64() + r.ExpFloat64()) / 4
		}
	}
}

// fills is a cache that fills up as an exponential and is trimmed to anywhere when it
// is at a mark that differs each time.
func fills(low, high float64, tau time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v, mark, last := low, high, 0.0
		return func(t float64) float64 {
			v, last = v+(high*1.15-v)*(1-math.Exp(-(t-last)/tau.Seconds())), t
			if v >= mark {
				v = low + (v-low)*.6*r.Float64()
				mark = high * (.85 + .15*r.Float64())
			}
			return v + .004*(r.Float64()-.5)
		}
	}
}

// logistic settles along an S.
func logistic(level float64, half time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			return .05 + level/(1+math.Exp(-6*(t/half.Seconds()-1))) + .002*r.NormFloat64()
		}
	}
}

// stages loads its data in jumps of falling size within a time, then rests.
func stages(level float64, all time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 {
			n := math.Floor(6 * math.Min(t/all.Seconds(), 1))
			return .05 + level*(1-math.Pow(.55, n)) + .003*math.Abs(r.NormFloat64())
		}
	}
}

// week follows traffic, and has less of it on two days of seven.
func week(low, high float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		shift := float64(r.IntN(7 * 86400))
		return func(t float64) float64 {
			t += shift
			v := traffic(t)
			if math.Mod(t/86400, 7) >= 5 {
				v *= .5
			}
			return low + (high-low)*v/1.1 + .01*(r.Float64()-.5)
		}
	}
}

// reflected is a walk between two walls.
func reflected(low, high float64, step float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		v := low + (high-low)*r.Float64()
		return func(float64) float64 {
			v += step * (2*r.Float64() - 1)
			if v < low {
				v = 2*low - v
			}
			if v > high {
				v = 2*high - v
			}
			return v
		}
	}
}

// heavy has noise of Student's distribution with three degrees of freedom, upwards.
func heavy(level, scale float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(float64) float64 {
			a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
			return min(level+scale*math.Abs(r.NormFloat64())/math.Sqrt((a*a+b*b+c*c)/3), .95)
		}
	}
}

// jobs is a unit that works for a while now and then, and is at rest else.
func jobs(rest, work float64, every, long time.Duration) shape {
	return func(r *rand.Rand) func(float64) float64 {
		until, next := 0.0, every.Seconds()*r.ExpFloat64()
		return func(t float64) float64 {
			if t > next {
				until = t + long.Seconds()*(.5+r.Float64())
				next = until + every.Seconds()*r.ExpFloat64()
			}
			if t < until {
				return work + .01*r.Float64()
			}
			return rest + .01*r.Float64()
		}
	}
}

// backoff is restarts of which each takes longer to come, as those of RestartSteps=.
func backoff(first time.Duration, by float64, count int) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.begin(time.Second)
		wait := first
		for end := s.now + 5*time.Hour; s.now < end; s.now += finest {
			s.sample(nil)
		}
		for n := range count {
			for end := s.now + time.Duration(float64(wait)*(.8+.4*r.Float64())); s.now < end; s.now += finest {
				s.sample(nil)
			}
			wait = time.Duration(float64(wait) * by)
			if n == 0 {
				s.onset = s.now
			}
			s.failed = s.now
			s.told(s.book.Stopped(unitName, s.now, false))
			s.now += 2 * time.Second
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + time.Second, Automatic: true}))
		}
	}
}

func unevenFaults() (out []fault) {
	for _, life := range []time.Duration{20 * time.Minute, 70 * time.Minute, 5 * time.Hour, 26 * time.Hour, 5 * day, 18 * day} {
		add := func(what string, kind Kind, run func(*rand.Rand, *simulation)) {
			out = append(out, fault{name: fmt.Sprintf("%s in %s", what, Span(life)), kind: kind, run: run})
		}
		add("accelerating leak", Memory, grow(Memory, heavy(.12, .003), 0, power(life, .12, 1.4)))
		add("leak beside a cache", Memory, grow(Memory, fills(.05, .2, life/25), 0, power(life, .25, 1)))
		add("leak in bursts", Memory, grow(Memory, heavy(.2, .004), 11*time.Hour, bursts(life, .2, 300)))
		add("descriptors in bursts", Descriptors, grow(Descriptors, jobs(.04, .1, life/15, life/60), 0, bursts(life, .05, 500)))
		add("threads, accelerating", Tasks, grow(Tasks, heavy(.08, .003), 2*time.Hour, power(life, .08, 1.2)))
		add("files in bursts", Disk, grow(Disk, flat(.45, .0002), 0, bursts(life, .45, 200)))
		if life >= 5*day {
			add("leak with traffic", Memory, grow(Memory, week(.05, .12), 0, busy(life, .12)))
			add("descriptors with traffic", Descriptors, grow(Descriptors, week(.02, .08), 0, busy(life, .08)))
		}
		if life >= time.Hour {
			add("queue", Latency, grow(Latency, heavy(.01, .002), 4*time.Hour, queue(life, .008)))
			add("slow disk", Latency, grow(Latency, heavy(.02, .004), 30*time.Minute, power(life, .02, 1)))
		}
	}
	for _, l := range []time.Duration{30 * time.Second, 5 * time.Minute, 25 * time.Minute} {
		out = append(out, fault{name: "crash loop with backoff from " + Span(l), kind: Restarts, run: backoff(l, 1.15, 12)})
	}
	for _, n := range []int{4, 5, 8} {
		out = append(out, fault{name: fmt.Sprintf("stuck for %d probes", n), kind: Latency, run: stuck(n)})
	}
	for _, n := range []int{24, 45} {
		out = append(out, fault{name: fmt.Sprintf("slow disk, %d starts", n), kind: Starts, run: slowly(n, func(x float64) float64 { return math.Pow(x, 1.25) }, .1)})
	}
	return out
}

func unevenShapes() map[string]shape {
	return map[string]shape{
		"heavy noise":              heavy(.3, .02),
		"cache of its own mind":    fills(.08, .55, 40*time.Minute),
		"cache, slow":              fills(.05, .6, 9*time.Hour),
		"cache, fast":              fills(.1, .7, 3*time.Minute),
		"S, 10m":                   logistic(.5, 10*time.Minute),
		"S, 4h":                    logistic(.4, 4*time.Hour),
		"stages, 3m":               stages(.6, 3*time.Minute),
		"stages, 1h":               stages(.5, time.Hour),
		"week":                     week(.1, .55),
		"week, little":             week(.3, .45),
		"walk between walls":       reflected(.2, .6, .006),
		"walk between walls, slow": reflected(.1, .5, .001),
		"jobs":                     jobs(.1, .6, 3*time.Hour, 20*time.Minute),
		"jobs, long":               jobs(.2, .7, 30*time.Hour, 3*time.Hour),
		"latency with a tail":      heavy(.01, .06),
		"cache beside noise":       plus(fills(.02, .3, 2*time.Hour), heavy(.2, .006)),
	}
}
