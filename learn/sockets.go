package learn

import (
	"net/netip"

	"clarityos/learn/observe"
	"clarityos/services/plan"
)

// Socket is where PID 1 listens for a service.
type Socket struct {
	Service   string
	Endpoints []observe.Endpoint
}

// socketsOf gives those of a plan, by their unit.
func socketsOf(p *plan.Plan) map[string]Socket {
	all := map[string]Socket{}
	for _, u := range p.Units {
		if u.Socket == nil {
			continue
		}
		s := Socket{Service: u.Socket.Service}
		for _, l := range u.Socket.Listen {
			if l.Kind != "fifo" {
				s.Endpoints = append(s.Endpoints, endpointOf(l))
			}
		}
		all[u.Name] = s
	}
	return all
}

// silent gives the services of a plan that never say when they are ready: to have
// been started is no sign of it.
func silent(p *plan.Plan) map[string]bool {
	all := map[string]bool{}
	for _, u := range p.Units {
		if u.Service != nil && u.Service.Silent() {
			all[u.Name] = true
		}
	}
	return all
}

func endpointOf(l plan.Listen) observe.Endpoint {
	if l.At.Path != "" {
		return observe.Endpoint("unix:" + l.At.Path)
	}
	addr, ok := netip.AddrFromSlice(l.At.IP)
	if !ok {
		addr = netip.IPv6Unspecified()
	}
	proto := "tcp:"
	if l.Kind == "datagram" {
		proto = "udp:"
	}
	return observe.Endpoint(proto + netip.AddrPortFrom(addr.Unmap(), uint16(l.At.Port)).String())
}
