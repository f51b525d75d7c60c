package discovery

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"clarityos/services/bus"
)

// transports are the kinds of endpoints, those that one would use first to begin with:
// tcp:ADDRESS:PORT, unix:PATH or unix:@NAME, udp:ADDRESS:PORT, vsock:CID:PORT and
// bus:NAME.
var transports = []string{"tcp", "unix", "udp", "vsock", "bus"}

// Context ids of vsock(7): VMADDR_CID_ANY and VMADDR_CID_LOCAL.
const (
	anyCID   = "4294967295"
	localCID = "1"
)

// Split gives an endpoint's kind and what is behind it.
func Split(endpoint string) (transport, address string) {
	transport, address, _ = strings.Cut(endpoint, ":")
	return transport, address
}

// Reach gives the endpoint at which a client on this machine finds who listens at
// another: any address is the loopback's.
func Reach(endpoint string) string {
	transport, address := Split(endpoint)
	if port, ok := strings.CutPrefix(address, anyCID+":"); ok && transport == "vsock" {
		return "vsock:" + localCID + ":" + port
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !isInet(transport) || !at.Addr().IsUnspecified() {
		return endpoint
	}
	loopback := netip.IPv6Loopback()
	if at.Addr().Is4() {
		loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return transport + ":" + netip.AddrPortFrom(loopback, at.Port()).String()
}

func isInet(transport string) bool { return transport == "tcp" || transport == "udp" }

// portOf gives the port of an inet or vsock endpoint, else 0.
func portOf(endpoint string) uint64 {
	transport, address := Split(endpoint)
	if !isInet(transport) && transport != "vsock" {
		return 0
	}
	port, _ := strconv.ParseUint(address[strings.LastIndexByte(address, ':')+1:], 10, 32) // else 0
	return port
}

// preference orders the endpoints of a unit: what is less is used first.
type preference struct {
	transport int
	class     int // bits, the most important first: no known protocol, not on the loopback, IPv6 or abstract
	port      uint64
}

func (p preference) compare(o preference) int {
	return cmp.Or(cmp.Compare(p.transport, o.transport), cmp.Compare(p.class, o.class), cmp.Compare(p.port, o.port))
}

func prefer(e bus.DiscoveryEndpoint) preference {
	transport, address := Split(Reach(e.Endpoint))
	p := preference{transport: slices.Index(transports, transport), port: portOf(e.Endpoint)}
	if p.transport < 0 {
		p.transport = len(transports)
	}
	if e.Protocol == "" {
		p.class |= 4
	}
	at, err := netip.ParseAddrPort(address)
	if isInet(transport) && (err != nil || !at.Addr().IsLoopback()) {
		p.class |= 2
	}
	if strings.HasPrefix(address, "[") || strings.HasPrefix(address, "@") {
		p.class |= 1
	}
	return p
}
