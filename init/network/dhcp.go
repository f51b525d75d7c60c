package network

import (
	"context"
	"fmt"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
)

// Attempts of one request, and the wait for an answer to the first; it doubles.
const (
	answerWait = 500 * time.Millisecond
	attempts   = 5
	retryAfter = 5 * time.Second // after a failed renewal
	forever    = 7 * 24 * time.Hour
)

// lease is what a DHCP server gave an interface.
type lease struct {
	link    netlink.Link
	address *netlink.Addr
	lease   *nclient4.Lease
}

func request(ctx context.Context, link netlink.Link, call func(*nclient4.Client) (*nclient4.Lease, error)) (*lease, error) {
	c, err := nclient4.New(link.Attrs().Name, nclient4.WithTimeout(answerWait), nclient4.WithRetry(attempts))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	got, err := call(c)
	if err != nil {
		return nil, err
	}
	l := &lease{link: link, lease: got}
	return l, l.apply()
}

// obtain asks for a lease and configures the interface with it.
func obtain(ctx context.Context, link netlink.Link) (*lease, error) {
	return request(ctx, link, func(c *nclient4.Client) (*nclient4.Lease, error) { return c.Request(ctx) })
}

// apply gives the interface what the lease says.
func (l *lease) apply() error {
	ack := l.lease.ACK
	mask := ack.SubnetMask()
	if mask == nil {
		mask = ack.YourIPAddr.DefaultMask()
	}
	ones, _ := mask.Size()
	addr, err := netlink.ParseAddr(fmt.Sprintf("%s/%d", ack.YourIPAddr, ones))
	if err != nil {
		return fmt.Errorf("offered address: %w", err)
	}
	l.address = addr
	if err := netlink.AddrReplace(l.link, addr); err != nil {
		return fmt.Errorf("add %s: %w", addr, err)
	}
	if routers := ack.Router(); len(routers) > 0 {
		if err := defaultRoute(l.link, routers[0]); err != nil {
			return err
		}
	}
	var servers []string
	for _, ip := range ack.DNS() {
		servers = append(servers, ip.String())
	}
	return resolvers(servers)
}

func (l *lease) period() time.Duration { return l.lease.ACK.IPAddressLeaseTime(forever) }

// keep renews the lease at half its time, and asks for a new one when that
// fails until it has run out.
func (l *lease) keep(ctx context.Context, say func(string)) error {
	wait := l.period() / 2
	end := time.Now().Add(l.period())
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
		next, err := request(ctx, l.link, func(c *nclient4.Client) (*nclient4.Lease, error) {
			return c.Request(ctx, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(l.address.IP)))
		})
		if err != nil {
			say(fmt.Sprintf("%s: lease not renewed: %v", l.link.Attrs().Name, err))
			if wait = retryAfter; time.Now().After(end) {
				_ = netlink.AddrDel(l.link, l.address) // it is not ours any more
			}
			continue
		}
		if !next.address.Equal(*l.address) {
			_ = netlink.AddrDel(l.link, l.address) // the server gave another
		}
		l.lease, l.address = next.lease, next.address
		wait, end = l.period()/2, time.Now().Add(l.period())
	}
}
