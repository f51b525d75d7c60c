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
	units   map[uint64]string // by cgroup id; "" of one that belongs to none
	gone    []uint64          // of these the ones that were removed, the oldest first
	holders map[observe.Endpoint]holder
	waiting map[observe.Endpoint][]waiter // who failed, until somebody listens there
	waits   int
	fights  map[observe.Endpoint]bus.DiscoveryConflict
	held    map[string]int  // by unit: its endpoints
	wants   map[string]int  // by unit: what it wants in vain
	told    map[string]bool // DependencyUse.Use
	asked   map[question]bool
	ready   map[string]time.Duration // units that are, since when
	starts  map[string]start         // units that run and never say so
	groups  map[string]string        // by unit: the path of its cgroup
	Dropped int                      // what there was no room to remember
}

// Gone is a body whose subject is no more.
type Gone struct{ bus.Body }

// waiter is who uses something, and how.
type waiter struct {
	unit, phase, failed string
	datagram            bool
	at                  time.Duration
}

// like says whether two uses differ in nothing but their time.
func (w waiter) like(o waiter) bool {
	o.at = w.at
	return w == o
}

// question is a datagram that a unit has sent to another one.
type question struct{ from, to string }

// New makes an empty picture. Local says which addresses are this machine's:
// whoever connects elsewhere uses nothing of it.
func New(local func(netip.Addr) bool) *Picture {
	return &Picture{local: local, units: map[uint64]string{}, holders: map[observe.Endpoint]holder{},
		waiting: map[observe.Endpoint][]waiter{}, fights: map[observe.Endpoint]bus.DiscoveryConflict{}, held: map[string]int{}, wants: map[string]int{}, told: map[string]bool{}, asked: map[question]bool{}, ready: map[string]time.Duration{}, starts: map[string]start{}, groups: map[string]string{}}
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
	switch _, known := p.units[id]; {
	case !known && len(p.units) >= maxCgroups:
		p.Dropped++
	default:
		unit := UnitOf(path)
		p.units[id] = unit
		if unit != "" && strings.HasSuffix(path, "/"+unit) { // not one below
			p.groups[unit] = path
		}
	}
}

// Known says whether a cgroup has a name, or none is wanted: 0 is that of nobody who
// is known.
func (p *Picture) Known(id uint64) bool {
	_, named := p.units[id]
	return named || id == 0
}

// Unit gives the unit of a cgroup; "" of one that belongs to none, or is not known.
func (p *Picture) Unit(id uint64) string { return p.units[id] }

// Ready says that a unit is ready since a moment of CLOCK_BOOTTIME.
func (p *Picture) Ready(unit string, since time.Duration) { p.ready[unit] = since }

// Started says that a unit runs since then which never says when it is ready: that
// is once it has done nothing new for a while. Busy is as in Sight.
func (p *Picture) Started(unit string, since, busy time.Duration) {
	if _, known := p.starts[unit]; !known {
		p.starts[unit] = start{since, since, busy}
	}
}

// Group gives the path of a unit's cgroup below the root; "" when it is not known.
func (p *Picture) Group(unit string) string { return p.groups[unit] }

// Starting gives the unit of a cgroup where it is one that has Started and is not ready as
// far as is known; else "".
func (p *Picture) Starting(cgroup uint64) string {
	unit := p.units[cgroup]
	if _, starts := p.starts[unit]; !starts {
		return ""
	}
	return unit
}

// NotReady says that a unit is not, or no longer.
func (p *Picture) NotReady(unit string) {
	delete(p.ready, unit)
	delete(p.starts, unit)
}

const (
	// quiet is how long a unit does nothing new that has started, and is not busy with
	// what it did before; quietMost is when it counts as started all the same.
	quiet     = time.Second
	quietMost = 30 * time.Second
)

// start is that of a unit which never says when it is ready.
type start struct{ since, last, busy time.Duration }

// isQuiet takes what a unit does at a moment, and for how long it was busy until then, and
// says whether it was ready before.
func (s *start) isQuiet(at, busy time.Duration) bool {
	if at-s.last-max(busy-s.busy, 0) >= quiet || at-s.since >= quietMost {
		return true
	}
	s.last, s.busy = max(s.last, at), max(s.busy, busy)
	return false
}

// removed forgets the oldest of the cgroups that are no more.
func (p *Picture) removed(id uint64) {
	if p.units[id] == "" {
		delete(p.units, id)
		return
	}
	delete(p.groups, p.units[id])
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
	if start, ok := p.starts[unit]; ok && s.At >= start.since {
		if start.isQuiet(s.At, s.Busy) {
			p.ready[unit] = min(start.last+quiet, s.At)
			delete(p.starts, unit)
		} else {
			p.starts[unit] = start
		}
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
			return p.holds(holder{unit: unit, since: s.At, seen: s.At}, s.Endpoint)
		}
	case observe.Close:
		return p.closed(s.Endpoint, s.Cgroup)
	case observe.Connect:
		if peer == "" {
			return p.connect(p.waiter(unit, s), s.Endpoint)
		}
		return p.use(p.waiter(unit, s), peer, s.Endpoint, p.holders[s.Endpoint].since)
	case observe.Use:
		if peer != "" {
			return p.use(p.waiter(unit, s), peer, observe.Endpoint(s.File.String()+":"+s.Path), 0)
		}
	}
	return nil
}

// waiter is what a sight says of who uses something.
func (p *Picture) waiter(unit string, s observe.Sight) waiter {
	w := waiter{unit: unit, phase: "start", datagram: s.Datagram, at: s.At}
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
		return p.use(w, h.unit, e, h.since)
	}
	if slices.ContainsFunc(p.waiting[e], w.like) || w.datagram && isClient(e) {
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

// ephemeral is the first port that the kernel gives to clients:
// net.ipv4.ip_local_port_range.
const ephemeral = 32768

// isClient says whether an endpoint is likely to be a client's own, so that what is
// sent there answers it.
func isClient(e observe.Endpoint) bool {
	_, addr, inet := inetOf(e)
	return inet && addr.Port() >= ephemeral
}

// use tells the first use of what was made at a moment (0: not known). To answer a
// datagram is none.
func (p *Picture) use(w waiter, on string, e observe.Endpoint, made time.Duration) []bus.Body {
	kind, object, _ := strings.Cut(string(e), ":")
	u := bus.DependencyUse{Unit: w.unit, On: on, Kind: kind, Object: object, Phase: w.phase, Failed: w.failed, At: w.at, Made: made,
		Use: strings.Join([]string{w.unit, on, string(e), w.phase}, " ")}
	if w.unit == on || p.told[u.Use] || w.datagram && p.asked[question{on, w.unit}] {
		return nil
	}
	if w.datagram {
		p.asked[question{w.unit, on}] = true
	}
	if len(p.told) >= maxTold {
		p.Dropped++
		return nil
	}
	p.told[u.Use] = true
	return []bus.Body{&u}
}
