package predict

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

// shape makes a value over time: of seconds since the run began, as a share of the
// limit. It is asked in the order of time, and may remember.
type shape func(r *rand.Rand) func(t float64) float64

// fault is a labelled failure: the unit fails when it is over its limit, or at fails.
type fault struct {
	name string
	kind Kind
	run  func(r *rand.Rand, s *simulation)
}

// simulation is one unit that is observed.
type simulation struct {
	book   Book
	now    time.Duration
	raised []Prediction // when each prediction began
	open   map[Kind]bool
	spans  []Prediction // all that was said while it was predicted
	onset  time.Duration
	failed time.Duration
}

const unitName = "x.service"

// begin starts the unit's first run.
func (s *simulation) begin(took time.Duration) {
	s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + took, Most: 90 * time.Second}))
}

func (s *simulation) told(all []Prediction) {
	if s.open == nil {
		s.open = map[Kind]bool{}
	}
	for _, p := range all {
		switch {
		case p.Over != "":
			delete(s.open, p.Kind)
			continue
		case !s.open[p.Kind]:
			s.open[p.Kind] = true
			s.raised = append(s.raised, p)
		}
		s.spans = append(s.spans, p)
	}
}

var limits = map[Kind]float64{Memory: 512 << 20, Descriptors: 1024, Tasks: 512, Disk: 8 << 30, Latency: 5}

// sample gives the book the shares of the limits.
func (s *simulation) sample(v map[Kind]float64) {
	var all []Reading
	for _, k := range []Kind{Memory, Descriptors, Tasks, Disk} {
		if share, ok := v[k]; ok {
			x := max(share, 0) * limits[k]
			if k != Memory && k != Disk {
				x = float64(int(x))
			}
			all = append(all, Reading{k, x, limits[k], "the limit"})
		}
	}
	s.told(s.book.Sample(unitName, s.now, all))
	if share, ok := v[Latency]; ok {
		s.told(s.book.Probed(Probe{Unit: unitName, At: s.now, Took: time.Duration(max(share, 0) * limits[Latency] * float64(time.Second)),
			Most: 5 * time.Second, Failures: 3, Interval: 10 * time.Second}))
	}
}

// grow runs a unit of which a kind has a shape before, and another one on top from onset
// on, until it is at its limit.
func grow(kind Kind, before shape, onset time.Duration, leak shape) func(*rand.Rand, *simulation) {
	return func(r *rand.Rand, s *simulation) {
		s.now = time.Duration(r.Int64N(int64(time.Hour)))
		s.begin(time.Second)
		start := s.now
		base, more := before(r), leak(r)
		s.onset = start + onset
		for over := 0; ; {
			s.now += finest
			v := base((s.now - start).Seconds())
			if s.now > s.onset {
				v += more((s.now - s.onset).Seconds())
			}
			if over++; v < 1 {
				over = 0
			}
			if over == 3 || over > 0 && kind != Latency { // it takes three probes to be unhealthy
				s.failed = s.now
				return
			}
			if s.now > 90*day {
				panic("this leak does not fail")
			}
			if lost(r, s) {
				continue
			}
			s.sample(map[Kind]float64{kind: v})
		}
	}
}

// lost leaves out some samples, and now and then some minutes.
func lost(r *rand.Rand, s *simulation) bool {
	if r.IntN(5000) == 0 {
		s.now += time.Duration(r.IntN(60)) * finest
	}
	return r.IntN(50) == 0
}

// score is what came of a group of simulations.
type score struct {
	faults, found, early int
	alarms, wrong        int
	months               float64
	leads                []float64
	within, judged       int // whether the bounds held when half the life was left
	lines                map[string]int
	first                map[string]string
}

// miss notes what was wrong.
func (c *score) miss(what, more string) {
	if c.lines == nil {
		c.lines, c.first = map[string]int{}, map[string]string{}
	}
	if c.lines[what]++; c.lines[what] == 1 {
		c.first[what] = more
	}
}

// fault runs a labelled one.
func (c *score) fault(f fault, seed uint64) {
	s := &simulation{}
	f.run(rand.New(rand.NewPCG(seed, 7)), s)
	c.faults++
	life := s.failed - s.onset
	lead, first := -1.0, Prediction{}
	for _, p := range s.raised {
		if p.Kind != f.kind || p.At < s.onset {
			c.wrong++
			c.alarms++
			c.miss(f.name+": false alarm", fmt.Sprintf("at %.2f of its life: %v", float64(p.At-s.onset)/float64(life), p))
			continue
		}
		if lead < 0 {
			c.alarms++
			lead, first = float64(s.failed-p.At)/float64(life), p
		}
	}
	if lead >= 0 {
		c.found++
		c.leads = append(c.leads, lead)
	}
	if lead >= .5 {
		c.early++
	} else {
		c.miss(f.name+": late", fmt.Sprintf("life %s, %.2f of it left: %v", Span(life), lead, first))
	}
	for i := len(s.spans) - 1; i >= 0; i-- {
		if p := s.spans[i]; p.Kind == f.kind && p.At >= s.onset && p.At <= s.onset+life/2 {
			c.judged++
			if p.At+p.Soonest <= s.failed && s.failed <= p.At+p.Latest {
				c.within++
			}
			break
		}
	}
}

// healthy runs a unit that never fails.
func (c *score) healthy(names map[Kind]string, shapes map[Kind]shape, seed uint64, length time.Duration) {
	r := rand.New(rand.NewPCG(seed, 11))
	s := &simulation{now: time.Duration(r.Int64N(int64(time.Hour)))}
	s.begin(time.Second)
	begun := s.now
	end := begun + length
	run := map[Kind]func(float64) float64{}
	anew := func() {
		for _, k := range []Kind{Memory, Descriptors, Tasks, Disk, Latency} {
			if shapes[k] != nil && (k != Disk || run[k] == nil) {
				run[k] = shapes[k](r)
			}
		}
	}
	anew()
	first := begun
	for s.now < end {
		s.now += finest
		if r.Float64() < finest.Hours()/(10*24) { // once in ten days it crashes, or is restarted
			automatic := r.IntN(2) == 0
			s.told(s.book.Stopped(unitName, s.now, !automatic))
			s.told(s.book.Started(Start{Unit: unitName, Begun: s.now, Up: s.now + time.Duration((.5+r.ExpFloat64())*float64(time.Second)), Automatic: automatic, Most: 90 * time.Second}))
			begun = s.now
			anew()
		}
		if lost(r, s) {
			continue
		}
		v := map[Kind]float64{}
		for _, k := range []Kind{Memory, Descriptors, Tasks, Disk, Latency} { // in one order, since all share r
			f, from := run[k], begun
			if k == Disk {
				from = first
			}
			v[k] = f((s.now - from).Seconds())
		}
		s.sample(v)
	}
	c.months += length.Hours() / (30 * 24)
	for _, p := range s.raised {
		c.wrong++
		c.alarms++
		c.miss(names[p.Kind]+": false alarm", fmt.Sprintf("%s %s after the begin: %v", p.Kind, Span(p.At-first), p))
	}
}

func (c *score) String() string {
	slices.Sort(c.leads)
	quantile := func(q float64) float64 {
		if len(c.leads) == 0 {
			return 0
		}
		return c.leads[int(q*float64(len(c.leads)-1))]
	}
	var lines strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.lines)) {
		fmt.Fprintf(&lines, "  %d × %s; the first: %s\n", c.lines[what], what, c.first[what])
	}
	return fmt.Sprintf("%d faults: %d predicted, %d with at least half of the life left: recall %.3f, and %.3f at all\n"+
		"%d alarms, %d of them false: precision %.3f; %.2f false alarms in a service-month, of %.1f\n"+
		"life left at the first alarm: p5 %.2f, median %.2f, p95 %.2f\nbounds held %d of %d times, half way\n%s",
		c.faults, c.found, c.early, c.recall(), float64(c.found)/float64(max(c.faults, 1)),
		c.alarms, c.wrong, float64(c.alarms-c.wrong)/float64(max(c.alarms, 1)), c.perMonth(), c.months,
		quantile(.05), quantile(.5), quantile(.95), c.within, c.judged, lines.String())
}

func (c *score) recall() float64   { return float64(c.early) / float64(max(c.faults, 1)) }
func (c *score) perMonth() float64 { return float64(c.wrong) / max(c.months, 1e-9) }

// judge runs a group: each fault several times, and healthy units of random shapes.
func judge(t *testing.T, faults []fault, shapes map[string]shape, each, units int, length time.Duration) *score {
	t.Helper()
	c := &score{}
	for i, f := range faults {
		for n := range each {
			c.fault(f, uint64(i*1000+n))
		}
	}
	var names []string
	for n := range shapes {
		names = append(names, n)
	}
	slices.Sort(names)
	for n := range units {
		r := rand.New(rand.NewPCG(uint64(n), 13))
		chosen, called := map[Kind]shape{}, map[Kind]string{}
		kinds := []Kind{Memory, Descriptors, Tasks, Disk, Latency}
		for i, k := range kinds {
			chosen[k], called[k] = flat(.1+.5*r.Float64(), .01*r.Float64()), "flat"
			if j := (i + n) % len(kinds); j < 2 { // two of a unit's series are of the group
				called[k] = names[(2*n+j)%len(names)]
				chosen[k] = shapes[called[k]]
			}
		}
		c.healthy(called, chosen, uint64(n), length)
	}
	return c
}
