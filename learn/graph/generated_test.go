package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is a machine of fifty services whose true needs are known.
type world struct {
	rng   *rand.Rand
	units []string
	needs map[Pair]need
	built string
}

// need is why a unit needs another one.
type need struct {
	kind, object string
	retries      bool    // it starts without, and tries again
	often        float64 // the share of boots in which it does what takes it
}

var kinds = []string{"unix", "tcp", "udp", "file", "fifo", "bus", "mount", "device"}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 5)), needs: map[Pair]need{}, built: "one"}
	for i := range 50 {
		w.units = append(w.units, fmt.Sprintf("s%02d.service", i))
	}
	for i := 1; i < len(w.units); i++ {
		for range w.rng.IntN(3) {
			w.add(i)
		}
	}
	return w
}

// add gives a unit one more need, of one that comes before it in a hidden order.
func (w *world) add(i int) {
	p := Pair{w.units[i], w.units[w.rng.IntN(i)]}
	n := need{kind: kinds[w.rng.IntN(len(kinds))], object: fmt.Sprintf("/run/%s.%d", p.On, w.rng.IntN(3)), retries: w.rng.IntN(2) == 0, often: 1}
	if w.rng.IntN(10) == 0 {
		n.often = .8
	}
	w.needs[p] = n
}

// pairs gives them in an order that a seed repeats.
func (w *world) pairs() []Pair { return slices.SortedFunc(maps.Keys(w.needs), ComparePairs) }

// change takes needs away and adds others, and says whether the units are rebuilt
// with it.
func (w *world) change(rebuilt bool) {
	for _, p := range w.pairs() {
		if w.rng.IntN(5) == 0 {
			delete(w.needs, p)
		}
	}
	for range 10 {
		w.add(1 + w.rng.IntN(len(w.units)-1))
	}
	if rebuilt {
		w.built += "'"
	}
}

// boot plays a boot: all start at once, but for what is known to be needed. Who finds
// nothing fails, and tries again or is started again.
func (w *world) boot(id string, known *Model) *Boot {
	b := NewBoot(id)
	b.Whole = true
	ready := map[string]time.Duration{}
	for _, u := range w.units { // needs point backwards
		run := Run{Identity: w.built, Begun: time.Second}
		for p := range known.Edges {
			if p.Unit == u && known.Edges[p].Needed() {
				run.Begun = max(run.Begun, ready[p.On])
			}
		}
		at := run.Begun + time.Duration(w.rng.IntN(300))*ms
		for _, p := range w.pairs() {
			n := w.needs[p]
			if p.Unit != u || w.rng.Float64() > n.often {
				continue
			}
			use := Use{Unit: u, On: p.On, Kind: n.kind, Object: n.object, Start: true, At: at, Made: ready[p.On]}
			if at < use.Made {
				use.Failed = "ENOENT"
				if !n.retries {
					run.Restarts++
				}
				at = use.Made
			}
			b.Uses = append(b.Uses, use)
		}
		run.Ready = at + time.Duration(1+w.rng.IntN(200))*ms
		ready[u] = run.Ready
		b.Units[u] = run
		if w.rng.IntN(3) == 0 { // what it does once it runs is no need
			on := w.units[w.rng.IntN(len(w.units))]
			b.Uses = append(b.Uses, Use{Unit: u, On: on, Kind: "tcp", Object: "127.0.0.1:1", At: run.Ready + time.Second})
		}
	}
	b.Complete(0, time.Minute, nil)
	return b
}

// score compares what is acted on with the truth.
type score struct{ right, wrong, missed int }

func (s *score) add(m *Model, needs map[Pair]need) {
	for _, n := range m.Needs(nil).Needs {
		if _, true := needs[n.Pair]; true {
			s.right++
		} else {
			s.wrong++
		}
	}
	s.missed += len(needs)
	for p := range needs {
		if e := m.Edges[p]; e != nil && e.Needed() {
			s.missed--
		}
	}
}

func (s score) recall() float64    { return float64(s.right) / float64(s.right+s.missed) }
func (s score) precision() float64 { return float64(s.right) / float64(s.right+s.wrong) }

// After three boots what is acted on is what is needed, on generated machines of fifty
// services; and three boots after a change as well.
func TestGenerated(t *testing.T) {
	for _, rebuilt := range []bool{false, true} {
		var first, then score
		for seed := range uint64(100) {
			w, m := newWorld(seed), NewModel()
			for i := range 3 {
				m = m.Learn(w.boot(fmt.Sprint(i), m))
			}
			first.add(m, w.needs)
			for i := range 7 {
				m = m.Learn(w.boot(fmt.Sprint(3+i), m))
			}
			w.change(rebuilt)
			for i := range 3 {
				m = m.Learn(w.boot(fmt.Sprint(10+i), m))
			}
			then.add(m, w.needs)
		}
		t.Logf("after three boots: recall %.3f, precision %.3f; three after a change (rebuilt: %t): recall %.3f, precision %.3f",
			first.recall(), first.precision(), rebuilt, then.recall(), then.precision())
		for what, v := range map[string]float64{"recall": first.recall(), "precision": first.precision(), "recall after a change": then.recall(), "precision after a change": then.precision()} {
			if v < .98 {
				t.Errorf("%s is %.3f", what, v)
			}
		}
	}
}
