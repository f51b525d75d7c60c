package graph

import (
	"maps"
	"slices"
	"time"

	"clarityos/learn/trial"
)

// Boot is what one boot has shown.
type Boot struct {
	ID    string         `json:"id"`             // the kernel's boot_id
	Init  time.Duration  `json:"init,omitempty"` // CLOCK_BOOTTIME when PID 1 was executed
	Took  time.Duration  `json:"took,omitempty"` // CLOCK_BOOTTIME when the boot's last job had ended; 0: it has not
	Units map[string]Run `json:"units"`
	Uses  []Use          `json:"uses"`
	// Whole says that the boot was seen from its first service to its last: that
	// something is not in it then counts against it.
	Whole   bool `json:"whole,omitempty"`
	Ordered bool `json:"ordered,omitempty"` // it was started by what was learned
	Dropped int  `json:"dropped,omitempty"` // units and uses for which there was no room
}

// Run is how a unit has fared in a boot. Times are CLOCK_BOOTTIME; 0 is never.
type Run struct {
	Identity string        `json:"identity,omitempty"` // of its binary and configuration; "": not known
	Begun    time.Duration `json:"begun,omitempty"`    // its first start left the queue
	Ready    time.Duration `json:"ready,omitempty"`    // … was over
	Restarts int           `json:"restarts,omitempty"` // automatic ones until the boot had settled
	Failed   bool          `json:"failed,omitempty"`   // it has failed before that
}

// Use is that a unit has used what another one made.
type Use struct {
	Unit   string        `json:"unit"`
	On     string        `json:"on"`
	Kind   string        `json:"kind"`             // as dependency.use has it
	Object string        `json:"object"`           // path, address or name
	Start  bool          `json:"start,omitempty"`  // before Unit was ready
	Failed string        `json:"failed,omitempty"` // the error that it got before the thing was there
	At     time.Duration `json:"at,omitempty"`     // when it used it, or missed it; 0: not known
	Made   time.Duration `json:"made,omitempty"`   // since when it was there; 0: not known
}

// settles is how long after a boot's last job what happens still belongs to the boot:
// services of which nobody knows when they are ready may only then try what they need.
const settles = 30 * time.Second

// Settles is when what happens belongs to the boot no more, once it is complete.
func (b *Boot) Settles() time.Duration { return b.Took + settles }

// Settled says whether a moment is after the boot.
func (b *Boot) Settled(at time.Duration) bool { return b.Took > 0 && at > b.Settles() }

// young is how long after it was begun a unit that misses something is taken to be
// starting still. When a unit is ready that never says so is a guess, and a busy
// machine makes it too early.
const young = 10 * time.Second

// Starts says whether a use was made before its unit was ready, whatever it was taken
// for: one that failed in a run that failed was, and one that failed soon.
func (b *Boot) Starts(u *Use) bool {
	run := b.Units[u.Unit]
	return u.Start || u.Failed != "" && !b.Settled(u.At) &&
		(run.Restarts > 0 || run.Failed || run.Begun > 0 && u.At >= run.Begun && u.At < run.Begun+young)
}

// class says what kind of evidence a use is.
func (u *Use) class() Class {
	switch {
	case u.Failed != "":
		return Missed
	case u.Kind == "unix" || u.Kind == "tcp" || u.Kind == "udp" || u.Kind == "bus":
		return Endpoint
	}
	return Product
}

// Bounds of a boot; what is beyond them is not learned of.
const (
	maxUnits = 2048
	maxUses  = 4096
)

// soonAfter is how long after another one a unit becomes ready whose order may be no
// coincidence.
const soonAfter = 100 * time.Millisecond

// followed gives for each unit the one that was ready last before it, while it was
// starting, at most soonAfter before it.
func (b *Boot) followed() map[Pair]bool {
	type moment struct {
		unit string
		at   time.Duration
	}
	var ready []moment
	for _, name := range slices.Sorted(maps.Keys(b.Units)) {
		if r := b.Units[name]; r.Ready > 0 {
			ready = append(ready, moment{name, r.Ready})
		}
	}
	slices.SortStableFunc(ready, func(x, y moment) int { return int(x.at - y.at) })
	out := map[Pair]bool{}
	for i := 1; i < len(ready); i++ {
		unit, before := ready[i], ready[i-1]
		if before.at >= b.Units[unit.unit].Begun && before.at < unit.at && unit.at-before.at <= soonAfter {
			out[Pair{unit.unit, before.unit}] = true
		}
	}
	return out
}

// First is when the first start of the boot began; 0: none has.
func (b *Boot) First() (first time.Duration) {
	for _, run := range b.Units {
		if run.Begun > 0 && (first == 0 || run.Begun < first) {
			first = run.Begun
		}
	}
	return first
}

// Outcome says what has become of a boot that has completed.
func (b *Boot) Outcome() trial.Outcome {
	o := trial.Outcome{Took: b.Took}
	for i := range b.Uses {
		if u := &b.Uses[i]; b.Starts(u) && !b.Settled(u.Made) {
			o.Took = max(o.Took, u.Made)
		}
	}
	o.Took -= b.Init
	for name, run := range b.Units {
		if run.Failed {
			o.Failed = append(o.Failed, name)
		}
	}
	slices.Sort(o.Failed)
	return o
}
