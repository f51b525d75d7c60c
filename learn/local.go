package learn

import (
	"net"
	"net/netip"
)

// isLocal says whether an address is one of this machine's interfaces'.
func isLocal(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, i := range all {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr() == a {
			return true
		}
	}
	return false
}
