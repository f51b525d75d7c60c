package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/u-root/u-root/pkg/kmodule"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/unix_diag.h and sock_diag.h.
const (
	sockDiagByFamily   = 20
	showName, showPeer = 1, 4 // UDIAG_SHOW_NAME, UDIAG_SHOW_PEER
	diagName, diagPeer = 0, 2 // UNIX_DIAG_NAME, UNIX_DIAG_PEER
	requestSize        = 24   // struct unix_diag_req
	answerSize         = 16   // struct unix_diag_msg
)

// Diagnose gives the Unix sockets of this network namespace by socket diagnostics
// (sock_diag(7)), since /proc does not tell who is connected to whom. Where the kernel
// has them in a module that is loaded first.
func Diagnose() (all []Connection, err error) {
	answers, err := ask()
	if err != nil {
		loadErr := kmodule.Probe("unix_diag", "")
		if answers, err = ask(); err != nil {
			return nil, fmt.Errorf("socket diagnostics: %w", errors.Join(err, loadErr))
		}
	}
	for _, a := range answers {
		if c, ok := connection(a); ok {
			all = append(all, c)
		}
	}
	return all, nil
}

func ask() ([][]byte, error) {
	req := nl.NewNetlinkRequest(sockDiagByFamily, unix.NLM_F_DUMP)
	req.AddRawData(request())
	return req.Execute(unix.NETLINK_INET_DIAG, 0)
}

// request asks for all sockets, with their names and peers.
func request() []byte {
	raw := make([]byte, requestSize)
	raw[0] = unix.AF_UNIX
	binary.NativeEndian.PutUint32(raw[4:], ^uint32(0)) // in whichever state
	binary.NativeEndian.PutUint32(raw[12:], showName|showPeer)
	return raw
}

// connection reads struct unix_diag_msg and the attributes behind it.
func connection(raw []byte) (c Connection, ok bool) {
	n := binary.NativeEndian
	if len(raw) < answerSize || raw[0] != unix.AF_UNIX {
		return c, false
	}
	c.Inode = uint64(n.Uint32(raw[4:]))
	for rest := raw[answerSize:]; len(rest) >= unix.SizeofNlAttr; {
		size, kind := int(n.Uint16(rest)), n.Uint16(rest[2:])
		if size < unix.SizeofNlAttr || size > len(rest) {
			return c, false
		}
		value := rest[unix.SizeofNlAttr:size]
		switch {
		case kind == diagName:
			c.Name = nameOf(string(value))
		case kind == diagPeer && len(value) == 4:
			c.Peer = uint64(n.Uint32(value))
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	return c, true
}

// nameOf gives a name as /proc has it.
func nameOf(raw string) string {
	if abstract, ok := strings.CutPrefix(raw, "\x00"); ok {
		return "@" + abstract
	}
	path, _, _ := strings.Cut(raw, "\x00")
	return path
}
