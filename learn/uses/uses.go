// Package uses makes of what the observer sees who uses what of whom: a service
// that connects to a socket uses the service that listens there. It is a fold over
// values: no system calls, no clock.
package uses

import (
	"maps"
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
)

// Picture is what is known. Use New.
type Picture struct {
	local   func(netip.Addr) bool
	units   map[uint64]string // by cgroup id
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

type holder struct {
	unit  string
	since time.Duration
}

type waiter struct{ unit, phase, failed string }

// New makes an empty picture. Local says which addresses are this machine's:
// whoever connects elsewhere uses nothing of it.
func New(local func(netip.Addr) bool) *Picture {
	return &Picture{local: local, units: map[uint64]string{}, holders: map[observe.Endpoint]holder{},
		waiting: map[observe.Endpoint][]waiter{}, fights: map[observe.Endpoint]bus.DiscoveryConflict{}, held: map[string]int{}, wants: map[string]int{}, told: map[bus.DependencyUse]bool{}, ready: map[string]time.Duration{}}
}

// UnitOf gives the unit of a cgroup's path below the root: the first part that is
// a unit with processes of its own; "" for what belongs to none. What follows "~"
// tells apart the cgroups of a unit whose earlier processes would not die.
func UnitOf(cgroup string) string {
	for part := range strings.SplitSeq(strings.Trim(cgroup, "/"), "/") {
		part, _, _ = strings.Cut(part, "~")
		switch path.Ext(part) {
		case ".service", ".scope":
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

// Ready says that a unit is ready since a moment of CLOCK_BOOTTIME.
func (p *Picture) Ready(unit string, since time.Duration) { p.ready[unit] = since }

// NotReady says that a unit is not, or no longer.
func (p *Picture) NotReady(unit string) { delete(p.ready, unit) }

// conflict tells that two units want one endpoint, once.
func (p *Picture) conflict(c bus.DiscoveryConflict) []bus.Body {
	at := observe.Endpoint(c.Endpoint)
	switch {
	case p.fights[at] == c:
		return nil
	case len(p.fights) >= maxEach:
		p.Dropped++
		return nil
	}
	p.fights[at] = c
	return []bus.Body{&c}
}

// Down says that a unit is down, and gives what follows: its sockets are gone, and
// nobody is kept from what it had.
func (p *Picture) Down(unit string) (out []bus.Message) {
	p.NotReady(unit)
	for _, e := range slices.Sorted(maps.Keys(p.holders)) {
		if p.holders[e].unit == unit {
			delete(p.holders, e)
			p.held[unit]--
			out = append(out, bus.Withdraw(&bus.DiscoveryEndpoint{Endpoint: string(e)}))
		}
	}
	for _, e := range slices.Sorted(maps.Keys(p.fights)) {
		if c := p.fights[e]; c.Holder == unit { // who wants it is likely to be down because of that
			delete(p.fights, e)
			out = append(out, bus.Withdraw(&c))
		}
	}
	return out
}

// Holds says that a unit listens at an endpoint, and gives what follows from it:
// that it does, and what others have wanted of it in vain.
func (p *Picture) Holds(unit string, e observe.Endpoint, since time.Duration) (out []bus.Body) {
	if p.holders[e].unit == unit {
		return nil
	}
	if len(p.holders) >= maxEndpoints || p.held[unit] >= maxEach {
		p.Dropped++
		return nil
	}
	if before, ok := p.holders[e]; ok {
		p.held[before.unit]--
	}
	p.holders[e] = holder{unit, since}
	p.held[unit]++
	out = append(out, &bus.DiscoveryEndpoint{Endpoint: string(e), Unit: unit, Since: since})
	for _, wanted := range p.wanted(e) {
		for _, w := range p.waiting[wanted] {
			p.wants[w.unit]--
			out = append(out, p.use(w, unit, wanted)...)
		}
		p.waits -= len(p.waiting[wanted])
		delete(p.waiting, wanted)
	}
	return out
}

// wanted gives the endpoints that are wanted in vain and served at e, sorted.
func (p *Picture) wanted(e observe.Endpoint) (out []observe.Endpoint) {
	if _, _, inet := inetOf(e); !inet {
		if p.waiting[e] != nil {
			out = append(out, e)
		}
		return out
	}
	for wanted := range p.waiting {
		if _, at := p.holder(wanted); at == e {
			out = append(out, wanted)
		}
	}
	slices.Sort(out)
	return out
}

// See folds a sight, and gives what is new by it.
func (p *Picture) See(s observe.Sight) []bus.Body {
	switch s.Kind {
	case observe.Cgroup:
		p.Named(s.Cgroup, s.Path)
	case observe.Removed:
		delete(p.units, s.Cgroup)
	}
	unit := p.units[s.Cgroup]
	if unit == "" || s.Endpoint == "" {
		return nil
	}
	switch s.Kind {
	case observe.Listen, observe.Bind:
		if h, _ := p.holder(s.Endpoint); s.Errno == unix.EADDRINUSE && h.unit != "" && h.unit != unit {
			return p.conflict(bus.DiscoveryConflict{Endpoint: string(s.Endpoint), Holder: h.unit, Wants: unit})
		}
	}
	switch s.Kind {
	case observe.Listen:
		if s.Errno == 0 {
			return p.Holds(unit, s.Endpoint, s.At)
		}
	case observe.Bind: // of TCP only listening counts, and a port of 0 is a client's
		if s.Errno == 0 && !strings.HasPrefix(string(s.Endpoint), "tcp:") && !strings.HasSuffix(string(s.Endpoint), ":0") {
			return p.Holds(unit, s.Endpoint, s.At)
		}
	case observe.Connect:
		w := waiter{unit: unit, phase: "start"}
		if since, ok := p.ready[unit]; ok && since <= s.At {
			w.phase = "steady"
		}
		if s.Errno != 0 {
			w.failed = unix.ErrnoName(s.Errno)
		}
		return p.connect(w, s.Endpoint)
	}
	return nil
}

func (p *Picture) connect(w waiter, e observe.Endpoint) []bus.Body {
	if !p.here(e) {
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

// holder gives who listens where a connection to e arrives, and at which endpoint:
// the one that is connected to or, of an inet socket, any address's.
func (p *Picture) holder(e observe.Endpoint) (holder, observe.Endpoint) {
	if h, ok := p.holders[e]; ok {
		return h, e
	}
	proto, addr, inet := inetOf(e)
	if !inet {
		return holder{}, ""
	}
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if any.Is4() && addr.Addr().Is6() {
			continue
		}
		at := observe.Endpoint(proto + ":" + netip.AddrPortFrom(any, addr.Port()).String())
		if h, ok := p.holders[at]; ok {
			return h, at
		}
	}
	return holder{}, ""
}

// here says whether an endpoint is on this machine.
func (p *Picture) here(e observe.Endpoint) bool {
	_, addr, inet := inetOf(e)
	return !inet || addr.Addr().IsLoopback() || p.local(addr.Addr())
}

func inetOf(e observe.Endpoint) (proto string, addr netip.AddrPort, ok bool) {
	proto, rest, _ := strings.Cut(string(e), ":")
	if proto != "tcp" && proto != "udp" {
		return "", addr, false
	}
	addr, err := netip.ParseAddrPort(rest)
	return proto, addr, err == nil
}

// Endpoints gives who listens where, sorted.
func (p *Picture) Endpoints() (out []bus.DiscoveryEndpoint) {
	for _, e := range slices.Sorted(maps.Keys(p.holders)) {
		h := p.holders[e]
		out = append(out, bus.DiscoveryEndpoint{Endpoint: string(e), Unit: h.unit, Since: h.since})
	}
	return out
}
