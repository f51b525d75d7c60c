package learn

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/learn/figures"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/plan"
)

const (
	// saveEvery is how often profiles that have changed are written.
	saveEvery = 5 * time.Minute
	// bootMost is how long changes wait for the boot to be complete: until then no
	// file is hashed, which would slow it.
	bootMost = 2 * time.Minute
	// maxWaiting bounds them.
	maxWaiting = 1024
	answerMost = 10 * time.Second
)

// profiling keeps the profiles of units.
type profiling struct {
	*component
	hasher figures.Hasher
	woken  chan struct{}
	future *predicting

	mu      sync.Mutex // of all that follows
	book    *profiles.Book
	notice  string // what is wrong with the file
	waiting []happening
	booted  bool // it is complete, or has taken too long
	saved   bool // since then
	dirty   bool
	groups  map[string]string // of units that are up: their cgroups
	usage   map[string]bus.ResourceUsage
}

// happening is a change, with what it takes to fold it.
type happening struct {
	change profiles.Change
	unit   *plan.Unit // nil: it has not begun to run something
	sample *profiles.Sample
	gone   bool // there is no such unit any more
}

// profile keeps profiles until ctx ends.
func (c *component) profile(ctx context.Context) {
	p := &profiling{component: c, woken: make(chan struct{}, 1), groups: map[string]string{}, usage: map[string]bus.ResourceUsage{}}
	book, err := profiles.Load(c.Profiles)
	if err != nil {
		p.notice = err.Error()
		c.Say(p.notice)
	}
	book.InBoot(c.boot)
	p.book = book
	p.future = c.predictions(ctx)
	defer p.future.acts.Wait()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		_ = client.Follow(ctx, c.Bus, bus.Interest{Topics: []bus.Pattern{"unit.state", "boot.state"}}, nil, func(d bus.Delivery) error {
			for _, m := range d.Messages {
				p.take(ctx, m)
			}
			return nil
		}) // it ends with ctx
	})
	all.Go(func() {
		client.Attend(ctx, c.Bus, []bus.Pattern{status.ProfileTopic}, nil, func(t bus.Task) (any, error) { return p.answer(t.Body) })
	})
	p.run(ctx)
}

func (p *profiling) run(ctx context.Context) {
	tick, save, late := time.NewTicker(profiles.Window), time.NewTicker(saveEvery), time.NewTimer(bootMost)
	defer tick.Stop()
	defer save.Stop()
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			p.save()
			return
		case <-p.woken:
			p.drain(ctx)
		case <-tick.C:
			p.pass(ctx)
			if p.graph.early() {
				p.saveGraph()
			}
		case <-save.C:
			p.save()
		case <-late.C:
			p.mu.Lock()
			p.booted = true
			p.mu.Unlock()
			p.drain(ctx)
		}
	}
}

func (p *profiling) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// drain folds what waits, once the machine has booted.
func (p *profiling) drain(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		if !p.booted || len(p.waiting) == 0 {
			first := p.booted && !p.saved
			p.saved = p.saved || first
			p.mu.Unlock()
			if first {
				p.save()
			}
			return
		}
		h := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.mu.Unlock()
		if h.unit != nil {
			var err error
			if h.change.Identity, err = p.hasher.Identity(h.unit); err != nil {
				p.Say(err.Error())
			}
		}
		p.mu.Lock()
		p.fold(h)
		p.mu.Unlock()
	}
}

// fold needs the lock.
func (p *profiling) fold(h happening) {
	unit := h.change.Unit
	p.tell(p.book.Change(h.change))
	p.graph.fold(h.change)
	p.future.fold(h.change, h.unit, p.groups[unit])
	if h.gone {
		p.future.forget(unit)
	}
	if h.sample != nil {
		p.tell(p.book.Sample(unit, *h.sample))
	}
	switch h.change.Active {
	case "inactive", "failed":
		delete(p.groups, unit)
		if _, told := p.usage[unit]; told {
			delete(p.usage, unit)
			p.publisher.Withdraw(&bus.ResourceUsage{Unit: unit})
		}
	}
}

// tell publishes what is unusual; it needs the lock.
func (p *profiling) tell(all []profiles.Anomaly) {
	p.dirty = true
	for _, a := range all {
		p.publisher.Publish(&bus.ResourceAnomaly{Unit: a.Unit, Phase: string(a.Phase), Measure: string(a.Measure), Value: a.Value, Usual: a.Usual, Rarity: a.Rarity})
	}
}

// pass samples each unit that has a cgroup.
func (p *profiling) pass(ctx context.Context) {
	p.mu.Lock()
	groups := maps.Clone(p.groups)
	busy := !p.booted || len(p.waiting) > 0
	p.mu.Unlock()
	if busy { // what is sampled now would be folded before what was so earlier
		return
	}
	for unit, group := range groups {
		s := p.sample(group)
		p.mu.Lock()
		p.tell(p.book.Sample(unit, s))
		p.usageOf(unit, s)
		p.mu.Unlock()
	}
	p.future.pass(ctx, groups, p.reader.Readings)
}

// usageOf publishes what a unit uses when that differs from what was said last; it
// needs the lock.
func (p *profiling) usageOf(unit string, s profiles.Sample) {
	v := s.Values
	u := bus.ResourceUsage{Unit: unit, CPU: time.Duration(v[profiles.CPU] * float64(time.Second)),
		Memory: uint64(v[profiles.Memory]), Read: uint64(v[profiles.Read]), Written: uint64(v[profiles.Written])}
	if _, known := v[profiles.Memory]; !known {
		u.Memory = uint64(v[profiles.Resident])
	}
	last, told := p.usage[unit]
	if told && u.CPU-last.CPU < 100*time.Millisecond && near(u.Memory, last.Memory) && near(u.Read, last.Read) && near(u.Written, last.Written) {
		return
	}
	p.usage[unit] = u
	p.publisher.Publish(&u)
}

// near says whether two sizes differ by less than 1/16 of the larger one.
func near(a, b uint64) bool { return max(a, b)-min(a, b) <= max(a, b)/16 }

func (p *profiling) answer(body json.RawMessage) (any, error) {
	var q status.ProfileRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("a request for a profile: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := status.ProfileOf(p.book.Profile(q.Unit), q.Unit, q.Phase)
	r.Notice = p.notice
	return r, nil
}

func (p *profiling) saveGraph() {
	if err := p.graph.save(); err != nil {
		p.Say(err.Error())
	}
}

// save writes the profiles, and what was learned, when they have changed.
func (p *profiling) save() {
	p.saveGraph()
	p.mu.Lock()
	dirty := p.dirty
	var file []byte
	if dirty {
		file, p.dirty = p.book.Encode(), false
	}
	p.mu.Unlock()
	if !dirty {
		return
	}
	if err := profiles.Save(p.Profiles, file); err != nil {
		p.Say(err.Error())
		p.mu.Lock()
		p.dirty = true
		p.mu.Unlock()
	}
}

// bootTime is CLOCK_BOOTTIME.
func bootTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) // it fails only for clocks that there are not
	return time.Duration(t.Nano())
}
