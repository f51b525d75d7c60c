package sockets

import (
	"fmt"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"
	"github.com/vishvananda/netlink"
)

// Diagnose gives the connected Unix sockets of this network namespace by socket
// diagnostics (sock_diag(7)), since /proc does not tell who is connected to whom.
// The kernel's module for that is loaded where it is one.
func Diagnose() (all []Connection, err error) {
	loadErr := kmodule.Probe("unix_diag", "")
	found, err := netlink.UnixSocketDiagInfo()
	if err != nil && loadErr != nil {
		return nil, fmt.Errorf("socket diagnostics: %w; module unix_diag: %w", err, loadErr)
	}
	if err != nil {
		return nil, fmt.Errorf("socket diagnostics: %w", err)
	}
	for _, s := range found {
		if s.Peer == nil {
			continue
		}
		c := Connection{Inode: uint64(s.DiagMsg.INode), Peer: uint64(*s.Peer)}
		if s.Name != nil {
			c.Name = nameOf(*s.Name)
		}
		all = append(all, c)
	}
	return all, nil
}

// nameOf gives a name as /proc has it. Of what the library gives (v1.3.1) the last
// four bytes are the begin of the next attribute: it counts the attribute's header
// as part of the name.
func nameOf(raw string) string {
	raw = raw[:max(0, len(raw)-4)]
	if abstract, ok := strings.CutPrefix(raw, "\x00"); ok {
		return "@" + abstract
	}
	path, _, _ := strings.Cut(raw, "\x00")
	return path
}
