// Package uses makes of what the observer sees who uses what of whom: a service
// that connects to a socket uses the service that listens there, one that opens a
// file the service that has made it. It is a fold over values: no system calls, no
// clock.
package uses

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/learn/observe"
	"clarityos/services/bus"
)

// Bounds on what is remembered, of each unit and of all, so that a service that
// opens a million sockets costs little and takes nothing from others. Endpoints and
// uses together leave half of what the bus keeps to the states of units.
const (
	maxEach      = 256 // endpoints, and as many that are wanted in vain
	maxEndpoints = 2048
	maxWaiting   = 2048
	maxTold      = 2048
	maxCgroups   = 16384
	maxGone      = 4096 // cgroups that are no more; what was made in them may still be used
)

// Picture is what is known. Use New.
type Picture struct {
	local   func(netip.Addr) bool
	units   map[uint64]string // by cgroup id
	gone    []uint64          // of these the ones that were removed, the oldest first
	holders map[observe.Endpoint]holder
	waiting map[observe.Endpoint][]waiter // who failed, until somebody listens there
	waits   int
	fights  map[observe.Endpoint]bus.DiscoveryConflict
	held    map[string]int // by unit: its endpoints
	wants   map[string]int // by unit: what it wants in vain
	told    map[bus.DependencyUse]bool
	ready   map[string]time.Duration // units that are, since when
	Dropped int                      // what there was no room to remember
}

// Gone is a body whose subject is no more.
type Gone struct{ bus.Body }

type waiter struct{ unit, phase, failed string }

// New makes an empty picture. Local says which addresses are this machine's:
// whoever connects elsewhere uses nothing of it.
func New(local func(netip.Addr) bool) *Picture {
	return &Picture{local: local, units: map[uint64]string{}, holders: map[observe.Endpoint]holder{},
		waiting: map[observe.Endpoint][]waiter{}, fights: map[observe.Endpoint]bus.DiscoveryConflict{}, held: map[string]int{}, wants: map[string]int{}, told: map[bus.DependencyUse]bool{}, ready: map[string]time.Duration{}}
}

// UnitOf gives the unit of a cgroup's path below the root: the first part that is
// a unit with processes of its own; "" for what belongs to none, and for PID 1, which
// makes things for others. What follows "~"
// tells apart the cgroups of a unit whose earlier processes would not die.
func UnitOf(cgroup string) string {
	for part := range strings.SplitSeq(strings.Trim(cgroup, "/"), "/") {
		part, _, _ = strings.Cut(part, "~")
		switch path.Ext(part) {
		case ".service", ".scope":
			if part == "init.scope" {
				return ""
			}
			return part
		}
	}
	return ""
}

// Named says which path a cgroup has.
func (p *Picture) Named(id uint64, path string) {
	unit := UnitOf(path)
	switch {
	case unit == "":
	case len(p.units) >= maxCgroups:
		p.Dropped++
	default:
		p.units[id] = unit
	}
}

// Unit gives the unit of a cgroup, "" for none.
func (p *Picture) Unit(cgroup uint64) string { return p.units[cgroup] }

// Ready says that a unit is ready since a moment of CLOCK_BOOTTIME.
func (p *Picture) Ready(unit string, since time.Duration) { p.ready[unit] = since }

// NotReady says that a unit is not, or no longer.
func (p *Picture) NotReady(unit string) { delete(p.ready, unit) }

// removed forgets the oldest of the cgroups that are no more.
func (p *Picture) removed(id uint64) {
	if p.units[id] == "" {
		return
	}
	if p.gone = append(p.gone, id); len(p.gone) > maxGone {
		delete(p.units, p.gone[0])
		p.gone = p.gone[1:]
	}
}

// See folds a sight, and gives what is new by it. The path of a file that is used
// is one that people know.
func (p *Picture) See(s observe.Sight) []bus.Body {
	switch s.Kind {
	case observe.Cgroup:
		p.Named(s.Cgroup, s.Path)
	case observe.Removed:
		p.removed(s.Cgroup)
	}
	unit, peer := p.units[s.Cgroup], p.units[s.Peer]
	if unit == "" {
		return nil
	}
	switch s.Kind {
	case observe.Listen:
		return p.bind(unit, s)
	case observe.Bind: // of TCP only listening counts, and a port of 0 is a client's
		if s.Errno != 0 || !strings.HasPrefix(string(s.Endpoint), "tcp:") && !strings.HasSuffix(string(s.Endpoint), ":0") {
			return p.bind(unit, s)
		}
	case observe.Accept:
		if peer == "" { // PID 1 has made the socket and passed it on
			return p.holds(holder{unit: unit, since: s.At}, s.Endpoint)
		}
	case observe.Close:
		return p.closed(s.Endpoint, s.Cgroup)
	case observe.Connect:
		if peer != "" {
			return p.use(p.waiter(unit, s), peer, s.Endpoint)
		}
		return p.connect(p.waiter(unit, s), s.Endpoint)
	case observe.Use:
		if peer != "" {
			return p.use(p.waiter(unit, s), peer, observe.Endpoint(s.File.String()+":"+s.Path))
		}
	}
	return nil
}

// waiter is what a sight says of who uses something.
func (p *Picture) waiter(unit string, s observe.Sight) waiter {
	w := waiter{unit: unit, phase: "start"}
	if since, ok := p.ready[unit]; ok && since <= s.At {
		w.phase = "steady"
	}
	if s.Errno != 0 {
		w.failed = unix.ErrnoName(s.Errno)
	}
	return w
}

func (p *Picture) connect(w waiter, e observe.Endpoint) []bus.Body {
	if e == "" || !p.here(e) {
		return nil
	}
	if h, at := p.holder(e); at != "" {
		return p.use(w, h.unit, e)
	}
	if slices.Contains(p.waiting[e], w) {
		return nil
	}
	if p.waits >= maxWaiting || p.wants[w.unit] >= maxEach {
		p.Dropped++
		return nil
	}
	p.waiting[e] = append(p.waiting[e], w)
	p.waits++
	p.wants[w.unit]++
	return nil
}

// use tells a use once.
func (p *Picture) use(w waiter, on string, e observe.Endpoint) []bus.Body {
	kind, object, _ := strings.Cut(string(e), ":")
	u := bus.DependencyUse{Unit: w.unit, On: on, Kind: kind, Object: object, Phase: w.phase, Failed: w.failed,
		Use: strings.Join([]string{w.unit, on, string(e), w.phase}, " ")}
	if w.unit == on || p.told[u] {
		return nil
	}
	if len(p.told) >= maxTold {
		p.Dropped++
		return nil
	}
	p.told[u] = true
	return []bus.Body{&u}
}
