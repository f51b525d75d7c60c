// Package network is the component that configures interfaces as the plan says,
// with fixed addresses or by DHCP, and keeps leases alive. It may die at any
// time: addresses stay, and the next one goes on with them.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"clarityos/services/plan"
	"clarityos/services/sdnotify"
)

// linkWait is how long an interface may take to appear, look how often it is
// looked for.
const (
	linkWait = 30 * time.Second
	look     = 20 * time.Millisecond
)

// Run configures all networks, says that it is ready, and renews leases until
// ctx ends.
func Run(ctx context.Context, networks []plan.Network, say func(string)) error {
	var leases []*lease
	for _, n := range networks {
		link, err := find(ctx, n.Interface)
		if err != nil {
			return err
		}
		name := link.Attrs().Name
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("bring %s up: %w", name, err)
		}
		if !n.DHCP {
			if err := fixed(link, n); err != nil {
				return err
			}
			say(fmt.Sprintf("%s: %s", name, strings.Join(n.Address, ", ")))
			continue
		}
		l, err := obtain(ctx, link)
		if err != nil {
			return fmt.Errorf("DHCP on %s: %w", name, err)
		}
		say(fmt.Sprintf("%s: %s by DHCP for %v", name, l.address.IPNet, l.period()))
		leases = append(leases, l)
	}
	if err := sdnotify.Send("READY=1"); err != nil {
		return err
	}
	failed := make(chan error, len(leases))
	for _, l := range leases {
		go func() { failed <- l.keep(ctx, say) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// find waits for the interface whose name matches pattern, or for the first
// Ethernet one when pattern is "".
func find(ctx context.Context, pattern string) (netlink.Link, error) {
	ctx, cancel := context.WithTimeout(ctx, linkWait)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		links, err := netlink.LinkList()
		if err != nil {
			return nil, fmt.Errorf("list interfaces: %w", err)
		}
		for _, l := range links {
			a := l.Attrs()
			if ok, err := path.Match(pattern, a.Name); err != nil {
				return nil, fmt.Errorf("interface pattern %q: %w", pattern, err)
			} else if ok || pattern == "" && a.EncapType == "ether" && a.Flags&net.FlagLoopback == 0 {
				return l, nil
			}
		}
		select {
		case <-ctx.Done():
			if pattern == "" {
				pattern = "of the Ethernet kind"
			}
			return nil, fmt.Errorf("no interface %s within %v", pattern, linkWait)
		case <-tick.C:
		}
	}
}

func fixed(link netlink.Link, n plan.Network) error {
	for _, text := range n.Address {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %q: %w", text, err)
		}
		if err := netlink.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("add %s to %s: %w", text, link.Attrs().Name, err)
		}
	}
	if n.Gateway != "" {
		gw := net.ParseIP(n.Gateway)
		if gw == nil {
			return fmt.Errorf("gateway %q is no address", n.Gateway)
		}
		if err := defaultRoute(link, gw); err != nil {
			return err
		}
	}
	return resolvers(n.DNS)
}

func defaultRoute(link netlink.Link, gateway net.IP) error {
	if err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}); err != nil {
		return fmt.Errorf("default route by %s: %w", gateway, err)
	}
	return nil
}

// resolvers writes /etc/resolv.conf, by way of a new file: readers see the old
// one or the new one. It is made anew at each boot, so it need not be synced.
func resolvers(servers []string) error {
	if len(servers) == 0 {
		return nil
	}
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	const file = "/etc/resolv.conf"
	return errors.Join(os.WriteFile(file+".new", []byte(b.String()), 0o644), os.Rename(file+".new", file))
}
