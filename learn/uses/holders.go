package uses

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/learn/observe"
	"clarityos/services/bus"
)

// holder is who listens somewhere.
type holder struct {
	unit   string
	since  time.Duration // 0: before that was seen
	seen   time.Duration // when it was known to have it
	cgroup uint64        // whose the socket is; 0: not known
	socket string        // the unit by which PID 1 holds the socket for the service
}

// bind takes a sight of a socket that was bound, or not.
func (p *Picture) bind(unit string, s observe.Sight) []bus.Body {
	h, _ := p.holder(s.Endpoint)
	switch {
	case s.Endpoint == "":
		return nil
	case s.Errno == 0:
		return p.holds(holder{unit: unit, since: s.At, seen: s.At, cgroup: s.Cgroup}, s.Endpoint)
	case s.Errno == unix.EADDRINUSE && h.unit != "" && h.unit != unit:
		return p.conflict(bus.DiscoveryConflict{Endpoint: string(s.Endpoint), Holder: h.unit, Wants: unit})
	}
	return nil
}

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

// Down says that a unit is down since a moment of CLOCK_BOOTTIME, and gives what
// follows: the sockets that it had then are gone, and nobody is kept from them. It may
// be up again and have others by the time that this is heard.
func (p *Picture) Down(unit string, since time.Duration) (out []bus.Body) {
	p.NotReady(unit)
	for _, e := range slices.Sorted(maps.Keys(p.holders)) {
		if h := p.holders[e]; h.seen <= since && (h.socket == unit || h.socket == "" && h.unit == unit) {
			out = append(out, p.drop(e))
		}
	}
	for _, e := range slices.Sorted(maps.Keys(p.fights)) {
		if c := p.fights[e]; c.Holder == unit { // who wants it is likely to be down because of that
			delete(p.fights, e)
			out = append(out, Gone{&c})
		}
	}
	return out
}

// closed says that the socket that a cgroup had at an endpoint is closed.
func (p *Picture) closed(e observe.Endpoint, cgroup uint64) []bus.Body {
	if h := p.holders[e]; h.cgroup != cgroup && (h.cgroup != 0 || h.socket != "" || h.unit != p.units[cgroup]) {
		return nil // somebody else has it now
	}
	return []bus.Body{p.drop(e)}
}

func (p *Picture) drop(e observe.Endpoint) bus.Body {
	p.held[p.holders[e].unit]--
	delete(p.holders, e)
	return Gone{&bus.DiscoveryEndpoint{Endpoint: string(e)}}
}

// Holds says that a unit listens at an endpoint, since when (0: not known) and when
// that was seen, and gives what follows from it: that it does, and what others have
// wanted of it in vain.
func (p *Picture) Holds(unit string, e observe.Endpoint, since, seen time.Duration) []bus.Body {
	if h, held := p.holders[e]; held && h.unit == unit {
		h.seen = max(h.seen, seen)
		p.holders[e] = h
		return nil
	}
	return p.holds(holder{unit: unit, since: since, seen: seen}, e)
}

// Lost says that nobody has an endpoint any more.
func (p *Picture) Lost(e observe.Endpoint) []bus.Body {
	if _, known := p.holders[e]; !known {
		return nil
	}
	return []bus.Body{p.drop(e)}
}

// Calls says that a unit calls an endpoint at a moment of CLOCK_BOOTTIME. If nobody
// has it yet, it is a use once somebody does.
func (p *Picture) Calls(unit string, e observe.Endpoint, at time.Duration) []bus.Body {
	return p.connect(p.waiter(unit, observe.Sight{At: at}), e)
}

// Holder gives the unit that has an endpoint, "" when none has.
func (p *Picture) Holder(e observe.Endpoint) string { return p.holders[e].unit }

// Held says that PID 1 listens at an endpoint for a service, by a unit of sockets.
func (p *Picture) Held(socket, service string, e observe.Endpoint, since time.Duration) []bus.Body {
	return p.holds(holder{unit: service, since: since, seen: since, socket: socket}, e)
}

func (p *Picture) holds(h holder, e observe.Endpoint) (out []bus.Body) {
	before, known := p.holders[e]
	switch {
	case known && before.unit == h.unit:
		if before.socket == "" {
			h.since = before.since
			p.holders[e] = h
		}
		return nil
	case len(p.holders) >= maxEndpoints || p.held[h.unit] >= maxEach:
		p.Dropped++
		return nil
	case known:
		p.held[before.unit]--
	}
	p.holders[e] = h
	p.held[h.unit]++
	unit, since := h.unit, h.since
	out = append(out, &bus.DiscoveryEndpoint{Endpoint: string(e), Unit: unit, Since: since})
	for _, wanted := range p.wanted(e) {
		for _, w := range p.waiting[wanted] {
			p.wants[w.unit]--
			out = append(out, p.use(w, unit, wanted, since)...)
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
