package observe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Kind is what was seen; enum kind in bpf/tables.h.
type Kind uint16

// The kinds of sights.
const (
	Exec    Kind = iota + 1 // a process has executed Path
	Exit                    // a process has ended: Status
	Listen                  // an inet socket listens at Endpoint
	Bind                    // a socket was bound to Endpoint
	Connect                 // a socket has connected, or sent, to Endpoint, or not
	Cgroup                  // the cgroup was made: Path, below its root
	Removed                 // the cgroup was removed
	Accept                  // connections are taken at Endpoint, from a socket that Peer has made
	Use                     // the file at Path, or its mount, that Peer has made is used; Errno: it was missing before
	Kill                    // Signal was sent to a process of Peer
	OOM                     // PID is killed since memory has run out
	Module                  // the kernel's module Path was loaded
	Link                    // the network device Path was made
	Close                   // the socket that was bound to Endpoint is no more
)

// Sight is the first of its kind that was seen in a cgroup.
type Sight struct {
	At       time.Duration // CLOCK_BOOTTIME
	Cgroup   uint64        // id
	Peer     uint64        // id of the cgroup on the other side; 0: not known
	PID      int           // 0: not known
	Kind     Kind
	Errno    syscall.Errno // 0: it went well
	Status   syscall.WaitStatus
	Signal   syscall.Signal
	Path     string // of Use below the root of the file system
	Endpoint Endpoint
	Datagram bool // of Endpoint: whoever sends there may only answer
	File     File
	Dev      Dev
	Mount    int // of Use: the id of the mount by which the file was reached; 0: not known

	// Busy is for how long the unit's processes have run, or waited to, until now; the
	// programs do not say it.
	Busy time.Duration
}

// Dev is the device of a file system, as the kernel keeps it: 12 bits of major
// number above 20 of minor.
type Dev uint32

// Major and minor, as mountinfo has them.
func (d Dev) String() string { return fmt.Sprintf("%d:%d", d>>20, d&(1<<20-1)) }

// File is what kind of file a Use is about; its values are those of S_IFMT.
type File uint16

// Mount is a use of a file system that was mounted, not of a single file.
const Mount File = 0

// String is the kind of dependency.use.
func (f File) String() string {
	switch f {
	case Mount:
		return "mount"
	case syscall.S_IFIFO:
		return "fifo"
	case syscall.S_IFCHR, syscall.S_IFBLK:
		return "device"
	case syscall.S_IFSOCK:
		return "unix"
	}
	return "file"
}

// Endpoint is where something can be found: unix:PATH, unix:@NAME for an abstract
// one, tcp:ADDRESS:PORT, udp:ADDRESS:PORT, or bus:NAME.
type Endpoint string

// Socket families and types of the kernel's ABI.
const (
	afUnix, afInet, afInet6 = 1, 2, 10
	sockDatagram            = 2
	objectSize              = 256
	headSize                = 56
	sightSize               = headSize + objectSize // struct sight
)

// decode reads struct sight.
func decode(raw []byte) (s Sight, err error) {
	if len(raw) < sightSize {
		return s, fmt.Errorf("a sight of %d bytes, not %d", len(raw), sightSize)
	}
	n := binary.NativeEndian
	s = Sight{At: time.Duration(n.Uint64(raw)), Cgroup: n.Uint64(raw[8:]), Peer: n.Uint64(raw[16:]), PID: int(n.Uint32(raw[24:])), Kind: Kind(n.Uint16(raw[32:]))}
	result := int32(n.Uint32(raw[28:]))
	family, kind, port, length := n.Uint16(raw[34:]), n.Uint16(raw[36:]), n.Uint16(raw[38:]), n.Uint32(raw[40:])
	object := raw[headSize:sightSize]
	object = object[:min(int(length), objectSize)]
	if s.Kind == Exit {
		s.Status = syscall.WaitStatus(result)
	} else if result < 0 {
		s.Errno = syscall.Errno(-result)
	}
	switch s.Kind {
	case Exec, Cgroup, Module, Link:
		s.Path = text(object)
	case Listen, Bind, Connect, Accept, Close:
		s.Endpoint, s.Datagram = endpoint(family, kind, port, object), kind == sockDatagram
	case Use:
		s.Path, s.File, s.Dev = path(object), File(kind), Dev(n.Uint32(raw[44:]))
		s.Mount = int(n.Uint32(raw[48:]))
	case Kill:
		s.Signal = syscall.Signal(kind)
	}
	return s, nil
}

// text is a C string.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// path puts names together that come from a file upwards, each with its NUL.
func path(b []byte) string {
	names := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
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
