// Package acts keeps what units were seen to do that is no use of another one: what
// they executed, how their processes ended, whom they signalled, what they added to
// the machine. It is a fold over values, each act once.
package acts

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/learn/observe"
	"clarityos/learn/status"
)

// Bounds on what is remembered, so that a service that executes a million programs
// costs little.
const (
	maxEach  = 64
	maxUnits = 1024
)

// Book is the acts of all units. The zero value is ready.
type Book struct {
	units   map[string][]status.Act
	Dropped int // acts that there was no room to remember
}

// See takes what was seen of a unit, and of the peer that it is about; each is "" of
// what belongs to none.
func (b *Book) See(unit, peer string, s observe.Sight) {
	switch s.Kind {
	case observe.Exec:
		b.add(unit, act(s, "executed", s.Path))
	case observe.Exit:
		b.add(unit, act(s, "a process ended", cause(s.Status)))
	case observe.OOM:
		b.add(unit, act(s, "a process was killed", "out of memory"))
	case observe.Module:
		b.add(unit, act(s, "loaded module", s.Path))
	case observe.Link:
		b.add(unit, act(s, "made network device", s.Path))
	case observe.Kill:
		if peer == unit {
			return
		}
		name := unix.SignalName(s.Signal)
		if peer != "" {
			b.add(unit, act(s, "sent "+name, "to "+peer))
		}
		if unit != "" {
			b.add(peer, act(s, "got "+name, "from "+unit))
		}
	}
}

func act(s observe.Sight, what, object string) status.Act {
	return status.Act{At: s.At, What: what, Object: object}
}

// cause says how a process ended.
func cause(s syscall.WaitStatus) string {
	if s.Signaled() {
		return unix.SignalName(s.Signal())
	}
	return fmt.Sprintf("status %d", s.ExitStatus())
}

func (b *Book) add(unit string, a status.Act) {
	acts, known := b.units[unit]
	switch {
	case unit == "" || slices.ContainsFunc(acts, func(o status.Act) bool { return o.What == a.What && o.Object == a.Object }):
	case len(acts) >= maxEach || !known && len(b.units) >= maxUnits:
		b.Dropped++
	default:
		if b.units == nil {
			b.units = map[string][]status.Act{}
		}
		b.units[unit] = append(acts, a)
	}
}

// Of gives the acts of a unit, the first one first.
func (b *Book) Of(unit string) []status.Act { return slices.Clone(b.units[unit]) }
