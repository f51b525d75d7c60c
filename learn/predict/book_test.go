package predict

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

// follow feeds a book a value each ten seconds, as a share of 1000, and gives what it
// says, and when.
func follow(b *Book, from time.Duration, n int, share func(i int) float64) (out []Prediction, at time.Duration) {
	at = from
	for i := range n {
		at += finest
		out = append(out, b.Sample(unitName, at, []Reading{{Descriptors, 1000 * share(i), 1000, "LimitNOFILE= of x.service"}})...)
	}
	return out, at
}

func began(at time.Duration) *Book {
	b := &Book{}
	b.Started(Start{Unit: unitName, Begun: at, Up: at})
	return b
}

// An even leak from 10 % is told, says when it ends, goes on until then, and is over
// with the run.
func TestLeakIsTold(t *testing.T) {
	const life = 360 // samples: an hour
	b := began(0)
	leak := func(i int) float64 { return .1 + .9*float64(i)/life }
	told, at := follow(b, 0, life/2, leak)
	if len(told) == 0 {
		t.Fatal("half way nothing is said")
	}
	for _, p := range told {
		end := life * finest
		if p.Kind != Descriptors || p.Over != "" || p.At+p.Soonest > end || p.At+p.Latest < end-time.Minute || p.Limit != "LimitNOFILE= of x.service" || p.Confidence < .9 {
			t.Errorf("it fails after %v, and what is said is %+v", end, p)
		}
	}
	const words = "x.service is likely to fail in "
	if s := told[0].String(); !strings.HasPrefix(s, words) || !strings.Contains(s, "its open descriptors have grown by ") {
		t.Errorf("in words: %s", s)
	}
	more, at := follow(b, at, life/2-1, func(i int) float64 { return leak(i + life/2) })
	for _, p := range more {
		if p.Over != "" {
			t.Errorf("while it leaks: %v", p)
		}
	}
	all := b.Predicted()
	if len(all) != 1 || all[0].Expected > 2*time.Minute {
		t.Errorf("at its end: %+v", all)
	}
	over := b.Stopped(unitName, at, false)
	if len(over) != 1 || over[0].Over == "" || len(b.Predicted()) != 0 {
		t.Errorf("with the end of the run: %v, and predicted is %v", over, b.Predicted())
	}
	if again, _ := follow(b, at, 100, leak); len(again) != 0 {
		t.Errorf("of a unit that is down: %v", again)
	}
	b.Started(Start{Unit: unitName, Begun: at, Up: at})
	if again, _ := follow(b, at, life/2, leak); len(again) == 0 {
		t.Error("it leaks again in its next run, and nothing is said")
	}
}

// What stops to grow, and what falls, is over, once.
func TestOver(t *testing.T) {
	for name, then := range map[string]float64{"flat": .55, "fallen": .12} {
		b := began(0)
		_, at := follow(b, 0, 180, func(i int) float64 { return .1 + .45*float64(i)/180 })
		if len(b.Predicted()) != 1 {
			t.Fatalf("%s: predicted is %v", name, b.Predicted())
		}
		after, _ := follow(b, at, 3*360, func(int) float64 { return then })
		over := 0
		for _, p := range after {
			if p.Over != "" {
				over++
			}
		}
		if over != 1 || len(b.Predicted()) != 0 {
			t.Errorf("%s: it is over %d times: %v", name, over, after)
		}
	}
}

// What was reached and given back is not told a second time, in a later run neither,
// and what goes beyond is.
func TestReturnedIsKnown(t *testing.T) {
	const round = 180
	saw := func(i int) float64 { return .1 + .5*float64(i%round)/round }
	b := began(0)
	first, at := follow(b, 0, round, saw)
	second, at := follow(b, at, 3*round, saw)
	for _, p := range second {
		if p.Over == "" {
			t.Errorf("a second time: %v", p)
		}
	}
	if len(first) == 0 {
		t.Error("half of the limit within half an hour is not told the first time")
	}
	b.Stopped(unitName, at, false)
	b.Started(Start{Unit: unitName, Begun: at, Up: at})
	third, at := follow(b, at, 2*round, saw)
	if len(third) != 0 {
		t.Errorf("in the next run: %v", third)
	}
	beyond, _ := follow(b, at, round, func(i int) float64 { return .1 + .85*float64(i)/round })
	if len(beyond) == 0 {
		t.Error("what grows beyond is not told")
	}
}

func TestQuietSeries(t *testing.T) {
	for name, share := range map[string]func(i int) float64{
		"flat":                 func(int) float64 { return .9 },
		"a jump":               func(i int) float64 { return .1 + .7*float64(min(i/100, 1)) },
		"falls":                func(i int) float64 { return .9 - .0005*float64(i) },
		"grows, but never far": func(i int) float64 { return .1 + .2*float64(i)/1000 },
		"a fast saw":           func(i int) float64 { return .1 + .6*float64(i%5)/5 },
		"one more, one less":   func(i int) float64 { return .5 + .001*float64(i%2) },
	} {
		if told, _ := follow(began(0), 0, 1000, share); len(told) != 0 {
			t.Errorf("%s: %v", name, told)
		}
	}
	b := began(0)
	b.Sample(unitName, time.Hour, []Reading{{Kind: Memory, Value: 1e9}})
	if len(b.units[unitName].grows) != 0 {
		t.Error("what has no limit is followed")
	}
}

func TestSlowerStarts(t *testing.T) {
	b := &Book{}
	at := time.Hour
	start := func(took time.Duration) []Prediction {
		at += time.Hour
		return b.Started(Start{Unit: unitName, Begun: at - took, Up: at, Most: time.Minute})
	}
	var told []Prediction
	n := 0
	for ; n < 55 && len(told) == 0; n++ {
		told = start(time.Second * time.Duration(5+n))
	}
	if len(told) != 1 || told[0].Kind != Starts || n > 28 {
		t.Fatalf("after %d starts of which each takes a second more, a minute being the most: %v", n, told)
	}
	left := time.Duration(56-n) * time.Hour
	if p := told[0]; p.Soonest > left || p.Latest < left || p.Most != 60 {
		t.Errorf("it fails in %v, and what is said is %+v", left, p)
	}
	var over []Prediction
	for range 20 {
		over = append(over, start(5*time.Second)...)
	}
	if len(over) == 0 || over[len(over)-1].Over == "" || len(b.Predicted()) != 0 {
		t.Errorf("when starts are fast again: %v", over)
	}
}

func TestProbesThatFail(t *testing.T) {
	b := began(0)
	at := time.Hour
	probe := func(failed int) []Prediction {
		at += 15 * time.Second
		return b.Probed(Probe{Unit: unitName, At: at, Took: 5 * time.Second, Most: 5 * time.Second, Failed: failed, Failures: 5, Interval: 10 * time.Second})
	}
	if out := probe(1); len(out) != 0 {
		t.Errorf("one probe has failed: %v", out)
	}
	out := probe(2)
	if len(out) != 1 || out[0].Expected != 45*time.Second || !strings.Contains(out[0].Basis, "2 health probes in a row have failed; 5 make it unhealthy") {
		t.Errorf("two have: %+v", out)
	}
	if out := probe(0); len(out) != 1 || out[0].Over == "" || len(b.Predicted()) != 0 {
		t.Errorf("one is good again: %v", out)
	}
}

// Whatever comes, bounds are around what is expected, what is over was told, and a book
// is bounded.
func TestBookProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := &Book{}
		at := time.Duration(0)
		open := map[string]bool{}
		take := func(all []Prediction) {
			for _, p := range all {
				key := p.Unit + string(p.Kind)
				if p.Over != "" && !open[key] {
					rt.Fatalf("over, and was never told: %v", p)
				}
				open[key] = p.Over == ""
				if p.Over == "" && (p.Soonest < 0 || p.Soonest > p.Expected || p.Expected > p.Latest || p.Confidence < 0 || p.Confidence > 1 || p.At != at || p.Since > at) {
					rt.Fatalf("%+v at %v", p, at)
				}
			}
		}
		value, slope := 0.0, 0.0
		for range rapid.IntRange(1, 400).Draw(rt, "steps") {
			at += time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second
			unit := rapid.SampledFrom([]string{"a.service", "b.service"}).Draw(rt, "unit")
			switch rapid.IntRange(0, 30).Draw(rt, "what") {
			case 0:
				take(b.Stopped(unit, at, rapid.Bool().Draw(rt, "meant")))
			case 1:
				take(b.Started(Start{Unit: unit, Begun: at - time.Second, Up: at, Automatic: rapid.Bool().Draw(rt, "automatic"), Most: time.Minute}))
			case 2:
				take(b.Forget(unit, at))
			case 3:
				slope = rapid.Float64Range(-20, 20).Draw(rt, "slope")
			case 4:
				take(b.Probed(Probe{Unit: unit, At: at, Took: time.Second, Most: 2 * time.Second, Failed: rapid.IntRange(0, 5).Draw(rt, "failed"), Failures: 4, Interval: time.Second}))
			default:
				value = max(value+slope, 0)
				take(b.Sample(unit, at, []Reading{{Memory, value, rapid.Float64Range(0, 1000).Draw(rt, "limit"), "m"}, {Tasks, value, 900, "t"}}))
			}
		}
		for _, p := range b.Predicted() {
			if !open[p.Unit+string(p.Kind)] {
				rt.Fatalf("predicted, and not told: %v", p)
			}
		}
	})
}

func TestBookIsBounded(t *testing.T) {
	b := &Book{}
	for i := range maxUnits + 5 {
		b.Started(Start{Unit: fmt.Sprint(i), Begun: time.Second, Up: time.Second})
	}
	if len(b.units) != maxUnits || b.Dropped != 5 {
		t.Errorf("%d units, %d dropped", len(b.units), b.Dropped)
	}
	if size := unsafe.Sizeof(growth{}); size > 2<<10 {
		t.Errorf("a series takes %d bytes", size)
	}
	for i := range 100 {
		b.Started(Start{Unit: "0", Begun: time.Duration(i) * time.Hour, Up: time.Duration(i) * time.Hour})
	}
	if n := len(b.units["0"].starts); n != maxStarts {
		t.Errorf("%d starts are remembered", n)
	}
}
