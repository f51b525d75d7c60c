package graph

import "time"

// NewBoot makes a boot of which nothing is known yet but the kernel's boot_id.
func NewBoot(id string) *Boot { return &Boot{ID: id, Units: map[string]Run{}} }

// Start is a start of a unit that has ended: PID 1's word on it.
type Start struct {
	Unit         string
	Begun, Ready time.Duration // as in Run
	Restarts     int           // automatic ones in a row before it
}

// Started records a start. Only the first one says when the unit was ready; the later
// ones, until the boot has settled, how often it had to be started again.
func (b *Boot) Started(s Start) {
	b.update(s.Unit, func(r *Run) {
		if r.Begun == 0 {
			r.Begun, r.Ready = s.Begun, s.Ready
		}
		if !b.Settled(s.Ready) {
			r.Restarts = max(r.Restarts, s.Restarts)
		}
	})
}

// Identified records what a unit runs.
func (b *Boot) Identified(unit, identity string) {
	if identity != "" {
		b.update(unit, func(r *Run) { r.Identity = identity })
	}
}

// Failed records that a unit has failed at a moment, unless the boot had settled.
func (b *Boot) Failed(unit string, at time.Duration) {
	if !b.Settled(at) {
		b.update(unit, func(r *Run) { r.Failed = true })
	}
}

// Complete records when PID 1 began and when the boot's last job had ended, once, and
// which units were not up then.
func (b *Boot) Complete(init, took time.Duration, failed []string) {
	if b.Took != 0 {
		return
	}
	for _, u := range failed {
		b.Failed(u, took)
	}
	b.Init, b.Took = init, took
}

// Use records a use. What is known of one is told once.
func (b *Boot) Use(u Use) {
	for i := range b.Uses {
		if o := &b.Uses[i]; o.Unit == u.Unit && o.On == u.On && o.Kind == u.Kind && o.Object == u.Object && o.Start == u.Start {
			return
		}
	}
	if len(b.Uses) >= maxUses {
		b.Dropped++
		return
	}
	b.Uses = append(b.Uses, u)
}

func (b *Boot) update(unit string, f func(*Run)) {
	r, known := b.Units[unit]
	if !known && len(b.Units) >= maxUnits {
		b.Dropped++
		return
	}
	f(&r)
	b.Units[unit] = r
}
