package profiles

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

func at(t time.Duration, values ...any) Sample {
	s := Sample{At: t, Values: map[Measure]float64{}}
	for i := 0; i < len(values); i += 2 {
		s.Values[values[i].(Measure)] = values[i+1].(float64)
	}
	return s
}

// run folds what happens to a.service: Changes and Samples.
func run(b *Book, happens ...any) (out []Anomaly) {
	for _, h := range happens {
		switch h := h.(type) {
		case Change:
			h.Unit = "a.service"
			out = append(out, b.Change(h)...)
		case Sample:
			out = append(out, b.Sample("a.service", h)...)
		}
	}
	return out
}

func up(begun, ready time.Duration) Change {
	return Change{Active: "active", At: ready, Begun: begun, Up: ready}
}

func state(active string, since time.Duration) Change { return Change{Active: active, At: since} }

// known is what a profile has, as lines of phase, measure, count and last value.
func known(b *Book) (out []string) {
	if p := b.Profile("a.service"); p != nil {
		for _, s := range p.series {
			out = append(out, fmt.Sprintf("%s %s %d×%.4g", s.Phase, s.Measure, s.Count, s.Last))
		}
	}
	return out
}

func TestFold(t *testing.T) {
	start := []string{"start duration 1×0.5", "start ready 1×1.5", "start restarts 1×0"}
	for name, c := range map[string]struct {
		happens []any
		want    []string
	}{
		"a start": {[]any{state("activating", time.Second), up(time.Second, 1500*ms)}, start},
		"what a start used is in a sample soon after": {[]any{up(time.Second, 1500*ms), at(1600*ms, CPU, .25, Memory, 1e6)},
			append(start[:3:3], "start cpu 1×0.25", "start memory 1×1e+06")},
		"not in a late one":          {[]any{up(time.Second, 1500*ms), at(3*time.Second, CPU, .25)}, start},
		"a start is told twice":      {[]any{up(time.Second, 1500*ms), up(time.Second, 1500*ms)}, start},
		"and again after reloading":  {[]any{up(time.Second, 1500*ms), state("reloading", 3*time.Second), up(time.Second, 1500*ms)}, start},
		"up, and PID 1 does not say": {[]any{state("active", time.Second)}, nil},
		"ready before it began":      {[]any{up(2*time.Second, time.Second)}, nil},
		"a failed start":             {[]any{state("activating", time.Second), state("failed", 2*time.Second)}, nil},
		"a oneshot that is over": {[]any{state("activating", time.Second), Change{Active: "inactive", At: 1500 * ms, Begun: time.Second, Up: 1500 * ms}},
			start},
		"windows": {[]any{up(time.Second, 1500*ms), at(2500*ms, CPU, 1., Memory, 10.), at(12500*ms, CPU, 3., Memory, 20.), at(14*time.Second, CPU, 9.)},
			append(start[:3:3], "steady cpu 1×0.2", "steady memory 1×20")},
		"a counter that goes back": {[]any{up(time.Second, 1500*ms), at(3*time.Second, CPU, 5.), at(13*time.Second, CPU, 1.), at(23*time.Second, CPU, 2.)},
			append(start[:3:3], "steady cpu 1×0.1")},
		"a machine that was suspended": {[]any{up(time.Second, 1500*ms), at(3*time.Second, CPU, 5.), at(time.Hour, CPU, 6.)}, start},
		"a clock that goes back":       {[]any{up(time.Second, 1500*ms), at(30*time.Second, CPU, 5.), at(20*time.Second, CPU, 6.)}, start},
		"a counter that comes late": {[]any{up(time.Second, 1500*ms), at(3*time.Second, CPU, 5.), at(13*time.Second, CPU, 6., Sent, 7.)},
			append(start[:3:3], "steady cpu 1×0.1")},
		"a stop": {[]any{up(time.Second, 1500*ms), state("deactivating", 4*time.Second), at(4*time.Second, CPU, 1., MemoryPeak, 50.), at(5*time.Second, CPU, 1.5, MemoryPeak, 60.), state("inactive", 6*time.Second)},
			append(start[:3:3], "steady duration 1×2.5", "stop duration 1×2", "stop cpu 1×0.5", "stop memory-peak 1×60")},
		"one end of a crash": {[]any{up(time.Second, 1500*ms), state("activating", 4*time.Second)}, append(start[:3:3], "steady duration 1×2.5")},
		"a restart": {[]any{up(time.Second, 1500*ms), at(3*time.Second, CPU, 9.), state("deactivating", 4*time.Second), state("activating", 5*time.Second),
			Change{Active: "active", At: 6 * time.Second, Begun: 5200 * ms, Up: 6 * time.Second, Restarts: 1}, at(6100*ms, CPU, .5)},
			[]string{"start duration 2×0.8", "start ready 1×1.5", "start restarts 2×1", "start cpu 1×0.5", "steady duration 1×2.5", "stop duration 1×1"}},
		"samples of a unit that is not up": {[]any{at(time.Second, CPU, 1.)}, nil},
		"values that are none":             {[]any{up(time.Second, 1500*ms), at(1600*ms, CPU, math.NaN(), Memory, -1., Measure("x"), 1.)}, start},
	} {
		t.Run(name, func(t *testing.T) {
			b := New()
			b.InBoot("one")
			run(b, c.happens...)
			if d := cmp.Diff(c.want, known(b)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A book that was stored is told all units again, and counts a start once for each
// boot; of a boot's first start only it is counted when it was ready.
func TestAgain(t *testing.T) {
	b := New()
	b.InBoot("one")
	b.Booted(2 * time.Second)
	run(b, up(time.Second, 1500*ms))
	b, err := Decode(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	b.InBoot("one")
	run(b, up(time.Second, 1500*ms))
	if p := b.Profile("a.service"); p.Runs != 1 {
		t.Errorf("one start counts as %d", p.Runs)
	}
	b.InBoot("two")
	b.Booted(500 * ms)
	run(b, state("inactive", 0), up(time.Second, 1500*ms))
	if p := b.Profile("a.service"); p.Runs != 2 || p.Series(Start, Ready).Count != 1 {
		t.Errorf("%d runs, %v", p.Runs, known(b))
	}
}

// took makes n runs in a boot whose starts take so long.
func took(b *Book, n int, d time.Duration) (out []Anomaly) {
	for range n {
		begun := max(b.profileBegun()+time.Minute, time.Minute)
		out = append(out, run(b, state("activating", begun), up(begun, begun+d), state("inactive", begun+d+time.Second))...)
	}
	return out
}

func (b *Book) profileBegun() time.Duration {
	if p := b.Profile("a.service"); p != nil {
		return p.begun
	}
	return 0
}

func TestUnusualRun(t *testing.T) {
	b := New()
	b.Booted(1)
	if got := took(b, 4, 200*ms); got != nil {
		t.Fatalf("usual runs are unusual: %+v", got)
	}
	if got := took(New(), 1, 5*time.Second); got != nil {
		t.Fatalf("the first run is unusual: %+v", got)
	}
	for _, usual := range []time.Duration{210 * ms, 190 * ms, 280 * ms, 250 * ms, 120 * ms} {
		if got := took(b, 1, usual); got != nil {
			t.Fatalf("%v is unusual: %+v", usual, got)
		}
	}
	got := took(b, 1, 2*time.Second)
	if len(got) != 1 || got[0].Unit != "a.service" || got[0].Phase != Start || got[0].Measure != Duration || got[0].Value != 2 || got[0].Rarity != 0 || math.Abs(got[0].Usual-.2) > .05 {
		t.Errorf("a start ten times as long: %+v", got)
	}
	if got := took(b, 1, 2*time.Second); got != nil {
		t.Errorf("the second of its kind is told: %+v", got)
	}
}

// Less than five runs are no evidence.
func TestTooFew(t *testing.T) {
	for n, want := range map[int]int{0: 0, 4: 0, 5: 1} {
		b := New()
		b.Booted(1)
		took(b, n, 200*ms)
		if got := took(b, 1, 2*time.Second); len(got) != want {
			t.Errorf("after %d runs: %+v", n, got)
		}
	}
}

// Another binary begins a new profile, which leans on the old one.
func TestIdentity(t *testing.T) {
	b := New()
	b.Booted(1)
	took(b, 20, 200*ms)
	begin := func(id byte, d time.Duration) []Anomaly {
		begun := b.profileBegun() + time.Minute
		c := up(begun, begun+d)
		c.Identity = Identity{id}
		return run(b, c, state("inactive", begun+d))
	}
	begin(1, 200*ms)
	p := b.Profile("a.service")
	before := p.Series(Start, Duration).Values.Weight()
	if p.Runs != 21 || p.Before != 0 {
		t.Errorf("a first identity begins anew: %d, %d", p.Runs, p.Before)
	}
	if got := begin(2, 2*time.Second); got != nil {
		t.Errorf("the first run of a new binary is judged by half the evidence: %+v", got)
	}
	w := p.Series(Start, Duration).Values.Weight()
	if p.Runs != 1 || p.Before != 21 || w > 1.01+perRun*ofBefore*before || w < .9+perRun*ofBefore*before {
		t.Errorf("%d runs, %d before, weight %v after %v", p.Runs, p.Before, w, before)
	}
}

// Memory that doubles for half a minute after a steady hour is told once.
func TestUnusualWindow(t *testing.T) {
	b := New()
	now := 2 * time.Second
	run(b, up(time.Second, now))
	windows := func(n int, memory float64) (out []Anomaly) {
		for range n {
			now += Window
			out = append(out, run(b, at(now, Memory, memory))...)
		}
		return out
	}
	if got := windows(400, 50e6); got != nil {
		t.Fatalf("the usual is told: %+v", got)
	}
	if got := windows(2, 200e6); got != nil {
		t.Errorf("a spike is told: %+v", got)
	}
	windows(1, 50e6)
	got := windows(8, 900e6)
	if len(got) != 1 || got[0].Phase != Steady || got[0].Measure != Memory || got[0].Rarity > .02 {
		t.Errorf("18 times the memory: %+v", got)
	}
}

// Names that are none and thousands of units take nothing from those that are up.
func TestBoundedUnits(t *testing.T) {
	b := New()
	run(b, up(time.Second, 1500*ms))
	for _, name := range []string{"", "x\n.service", "\xff.service", strings.Repeat("n", maxName+1)} {
		b.Change(Change{Unit: name, Active: "active"})
	}
	if b.Dropped != 4 {
		t.Errorf("%d names were refused", b.Dropped)
	}
	for i := range 5000 {
		b.Change(Change{Unit: fmt.Sprintf("u%d.service", i), Active: "inactive"})
	}
	if len(b.profiles) > maxUnits || b.Profile("a.service") == nil || b.Profile("u4999.service") == nil || len(b.lives) != 1 {
		t.Errorf("%d profiles, %d lives", len(b.profiles), len(b.lives))
	}
	for i := range 5000 {
		b.Change(Change{Unit: fmt.Sprintf("v%d.service", i), Active: "active", At: 1})
	}
	if len(b.profiles) > maxUnits || len(b.lives) > maxUnits || b.Profile("a.service") == nil {
		t.Errorf("%d profiles, %d lives", len(b.profiles), len(b.lives))
	}
}

// The table is whole: each measure of it has a place in a phase, and no other one.
func TestFigures(t *testing.T) {
	seen := map[Measure]bool{}
	for _, f := range Figures() {
		if seen[f.Measure] || f.Doc == "" || f.floor <= 0 || !f.In(Start) && !f.In(Stop) || f.In("other") {
			t.Errorf("%+v", f)
		}
		seen[f.Measure] = true
	}
}
