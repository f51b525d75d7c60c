package learn

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"

	"clarityos/services/bus"
)

// followAddresses publishes which addresses the machine gets and loses, until ctx
// ends.
func (c *component) followAddresses(ctx context.Context) {
	changes := make(chan netlink.AddrUpdate, 16)
	if err := netlink.AddrSubscribe(changes, ctx.Done()); err != nil {
		c.Say(fmt.Sprintf("follow the machine's addresses: %v; their changes are not told", err))
		return
	}
	for u := range changes {
		name := fmt.Sprint("link ", u.LinkIndex)
		if l, err := netlink.LinkByIndex(u.LinkIndex); err == nil { // else it is gone
			name = l.Attrs().Name
		}
		c.publisher.Publish(addressChange(u.NewAddr, name, u.LinkAddress.String()))
	}
}

// addressChange is the message that a device has an address now, or has not.
func addressChange(has bool, device, address string) *bus.HardwareChange {
	action := "remove"
	if has {
		action = "add"
	}
	return &bus.HardwareChange{Action: action, Subsystem: "address", Device: device + " " + address}
}
