package observe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Kind is what was seen; enum kind in bpf/observe.bpf.c.
type Kind uint16

// The kinds of sights.
const (
	Exec    Kind = iota + 1 // a process has executed Path
	Exit                    // a process has ended: Status
	Listen                  // an inet socket listens at Endpoint
	Bind                    // a socket was bound to Endpoint
	Connect                 // a socket has connected to Endpoint, or not
	Cgroup                  // the cgroup was made: Path, below its root
	Removed                 // the cgroup was removed
)

// Sight is the first of its kind that was seen in a cgroup.
type Sight struct {
	At       time.Duration // CLOCK_BOOTTIME
	Cgroup   uint64        // id
	PID      int           // 0: not known
	Kind     Kind
	Errno    syscall.Errno // 0: it went well
	Status   syscall.WaitStatus
	Path     string
	Endpoint Endpoint
}

// Endpoint is where a socket can be found: unix:PATH, unix:@NAME for an abstract
// one, tcp:ADDRESS:PORT or udp:ADDRESS:PORT.
type Endpoint string

// Socket families and types of the kernel's ABI.
const (
	afUnix, afInet, afInet6 = 1, 2, 10
	sockDatagram            = 2
	objectSize              = 108
	sightSize               = 44 + objectSize // struct sight
)

// decode reads struct sight.
func decode(raw []byte) (s Sight, err error) {
	if len(raw) < sightSize {
		return s, fmt.Errorf("a sight of %d bytes, not %d", len(raw), sightSize)
	}
	n := binary.NativeEndian
	s = Sight{At: time.Duration(n.Uint64(raw)), Cgroup: n.Uint64(raw[8:]), PID: int(n.Uint32(raw[24:])), Kind: Kind(n.Uint16(raw[32:]))}
	result := int32(n.Uint32(raw[28:]))
	family, kind, port, length := n.Uint16(raw[34:]), n.Uint16(raw[36:]), n.Uint16(raw[38:]), n.Uint32(raw[40:])
	object := raw[44 : 44+objectSize]
	object = object[:min(int(length), objectSize)]
	if s.Kind == Exit {
		s.Status = syscall.WaitStatus(result)
	} else if result < 0 {
		s.Errno = syscall.Errno(-result)
	}
	switch s.Kind {
	case Exec, Cgroup:
		s.Path = text(object)
	case Listen, Bind, Connect:
		s.Endpoint = endpoint(family, kind, port, object)
	}
	return s, nil
}

// text is a C string.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

func endpoint(family, kind, port uint16, object []byte) Endpoint {
	switch {
	case family == afUnix && len(object) > 1 && object[0] == 0:
		return Endpoint("unix:@" + string(object[1:]))
	case family == afUnix:
		return Endpoint("unix:" + text(object))
	}
	addr, ok := netip.AddrFromSlice(object)
	if !ok {
		return ""
	}
	proto := "tcp:"
	if kind == sockDatagram {
		proto = "udp:"
	}
	return Endpoint(proto + netip.AddrPortFrom(addr.Unmap(), port).String())
}
