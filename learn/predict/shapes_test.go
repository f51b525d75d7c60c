package predict

import (
	"math"
	"math/rand/v2"
	"time"
)

// Shapes that several groups use.

func flat(level, noise float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(float64) float64 { return level + noise*r.NormFloat64() }
	}
}

// linear comes through the whole limit in life.
func linear(life time.Duration, level float64) shape {
	return func(r *rand.Rand) func(float64) float64 {
		return func(t float64) float64 { return (1 - level) * t / life.Seconds() }
	}
}

func plus(all ...shape) shape {
	return func(r *rand.Rand) func(float64) float64 {
		var f []func(float64) float64
		for _, s := range all {
			f = append(f, s(r))
		}
		return func(t float64) (v float64) {
			for _, g := range f {
				v += g(t)
			}
			return v
		}
	}
}

// slowly is starts that take longer each time, until one takes 90 seconds.
func slowly(n int, curve func(share float64) float64, noise float64) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		for i := range 8 + n {
			took := 2.0
			if i >= 8 {
				took += 88 * curve(float64(i-8+1)/float64(n))
			}
			took *= math.Exp(noise * r.NormFloat64())
			if i == 8 {
				s.onset = s.now
			}
			s.now += 6 * time.Hour
			s.failed = s.now
			if took >= 90 {
				return
			}
			s.told(s.book.Stopped(unitName, s.now, true))
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + time.Duration(took*float64(time.Second)), Most: 90 * time.Second}))
		}
	}
}

// stuck is a unit that answers, then not at all, until it has not n times.
func stuck(n int) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.begin(time.Second)
		for end := s.now + time.Duration(1+r.IntN(20))*time.Hour; s.now < end; s.now += finest {
			s.sample(map[Kind]float64{Latency: .02 * math.Exp(.6*r.NormFloat64())})
		}
		s.onset = s.now
		for i := range n {
			s.now += 15 * time.Second
			s.failed = s.now
			s.told(s.book.Probed(Probe{Unit: unitName, At: s.now, Took: 5 * time.Second, Most: 5 * time.Second, Failed: i + 1, Failures: n, Interval: 10 * time.Second}))
		}
	}
}
