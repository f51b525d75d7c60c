package compile

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// socketSetters are the directives of systemd.socket(5).
var socketSetters = map[string]setter{
	"ListenStream":           listen("stream"),
	"ListenDatagram":         listen("datagram"),
	"ListenSequentialPacket": listen("seqpacket"),
	"ListenFIFO":             listen("fifo"),
	"Accept": func(b *builder, d unit.Directive) error {
		on, err := unit.Bool(d.Value)
		if on {
			return fmt.Errorf("a process for each connection is not run yet")
		}
		return err
	},
	"Service": func(b *builder, d unit.Directive) error {
		b.u.Socket.Service = d.Value
		if path.Ext(d.Value) != ".service" {
			return fmt.Errorf("%q is no service", d.Value)
		}
		return unit.CheckName(d.Value)
	},
	"FileDescriptorName": text(func(b *builder) *string { return &b.u.Socket.Names }),
	"SocketMode":         mode(func(b *builder) *uint32 { return &b.u.Socket.Mode }),
	"DirectoryMode":      mode(func(b *builder) *uint32 { return &b.u.Socket.DirectoryMode }),
	"SocketUser": func(b *builder, d unit.Directive) error {
		a, err := b.c.users.user(d.Value)
		if b.u.Socket.UID = a.uid; !b.groupSet {
			b.u.Socket.GID = a.gid
		}
		return err
	},
	"SocketGroup": func(b *builder, d unit.Directive) (err error) {
		b.groupSet = true
		b.u.Socket.GID, err = b.c.users.group(d.Value)
		return err
	},
	"Backlog":                 number(func(b *builder) *int { return &b.u.Socket.Backlog }, 0, 1<<31-1),
	"RemoveOnStop":            truth(func(b *builder) *bool { return &b.u.Socket.Remove }),
	"FlushPending":            truth(func(b *builder) *bool { return &b.u.Socket.Flush }),
	"BindToDevice":            text(func(b *builder) *string { return &b.u.Socket.Device }),
	"BindIPv6Only":            choice(func(b *builder) *string { return &b.u.Socket.IPv6Only }, "default", "both", "ipv6-only"),
	"Symlinks":                absolutePaths(func(b *builder) *[]string { return &b.u.Socket.Symlinks }),
	"TriggerLimitIntervalSec": span(func(b *builder) *time.Duration { return &b.u.Socket.TriggerLimit.Interval }),
	"TriggerLimitBurst":       number(func(b *builder) *int { return &b.u.Socket.TriggerLimit.Burst }, 0, 1<<20),

	"PassCredentials": flag(unix.SOL_SOCKET, unix.SO_PASSCRED),
	"PassSecurity":    flag(unix.SOL_SOCKET, unix.SO_PASSSEC),
	"KeepAlive":       flag(unix.SOL_SOCKET, unix.SO_KEEPALIVE),
	"Broadcast":       flag(unix.SOL_SOCKET, unix.SO_BROADCAST),
	"ReusePort":       flag(unix.SOL_SOCKET, unix.SO_REUSEPORT),
	"NoDelay":         flag(unix.IPPROTO_TCP, unix.TCP_NODELAY),
	"FreeBind":        flag(unix.IPPROTO_IP, unix.IP_FREEBIND),
	"Transparent":     flag(unix.IPPROTO_IP, unix.IP_TRANSPARENT),
	"ReceiveBuffer":   bytesOption(unix.SO_RCVBUFFORCE),
	"SendBuffer":      bytesOption(unix.SO_SNDBUFFORCE),
	"Mark":            numberOption(unix.SOL_SOCKET, unix.SO_MARK, 1<<31-1),
	"Priority":        numberOption(unix.SOL_SOCKET, unix.SO_PRIORITY, 1<<31-1),
	"IPTTL":           numberOption(unix.IPPROTO_IP, unix.IP_TTL, 255),
	"KeepAliveProbes": numberOption(unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 127),

	"KeepAliveTimeSec":     secondsOption(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE),
	"KeepAliveIntervalSec": secondsOption(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL),
	"DeferAcceptSec":       secondsOption(unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT),

	"MaxConnections": ignore, "MaxConnectionsPerSource": ignore, // of Accept=yes
}

// newSocket has the defaults of systemd.socket(5).
func newSocket(name string) *plan.Socket {
	return &plan.Socket{
		Service: strings.TrimSuffix(name, ".socket") + ".service",
		Mode:    0o666, DirectoryMode: 0o755, Backlog: 4096,
		TriggerLimit: plan.StartLimit{Interval: 2 * time.Second, Burst: 20},
	}
}

func listen(kind string) setter {
	return func(b *builder, d unit.Directive) error {
		k := b.u.Socket
		if d.Value == "" {
			k.Listen = nil
			return nil
		}
		if kind == "fifo" && !path.IsAbs(d.Value) {
			return fmt.Errorf("%q is not an absolute path", d.Value)
		}
		at, err := address(d.Value)
		k.Listen = append(k.Listen, plan.Listen{Kind: kind, At: at, Text: d.Value})
		return err
	}
}

// address reads what PID 1 can listen at without a resolver: a path, an abstract
// name, a port, or a numeric address and a port.
func address(a string) (plan.Address, error) {
	if path.IsAbs(a) || strings.HasPrefix(a, "@") {
		if len(a) > 107 {
			return plan.Address{}, fmt.Errorf("%q is longer than the 107 bytes that a socket's name may have", a)
		}
		return plan.Address{Path: a}, nil
	}
	if strings.Contains(a, ":") {
		return tcpAddress(a)
	}
	n, err := strconv.Atoi(a)
	if err != nil || n < 1 || n > 65535 {
		return plan.Address{}, fmt.Errorf("%q is neither a path, nor @NAME, nor a port from 1 to 65535, nor ADDRESS:PORT", a)
	}
	return plan.Address{Port: n}, nil
}

func mode(field func(*builder) *uint32) setter {
	return func(b *builder, d unit.Directive) (err error) {
		*field(b), err = unit.Mode(d.Value)
		return err
	}
}

func absolutePaths(field func(*builder) *[]string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			*field(b) = nil
		}
		for _, p := range strings.Fields(d.Value) {
			if !path.IsAbs(p) {
				return fmt.Errorf("%q is not an absolute path", p)
			}
			*field(b) = append(*field(b), p)
		}
		return nil
	}
}

func (b *builder) option(level, name, value int) {
	b.u.Socket.Options = append(b.u.Socket.Options, plan.Option{Level: level, Name: name, Value: value})
}

func flag(level, name int) setter {
	return func(b *builder, d unit.Directive) error {
		on, err := unit.Bool(d.Value)
		if on {
			b.option(level, name, 1)
		}
		return err
	}
}

func numberOption(level, name, most int) setter {
	return func(b *builder, d unit.Directive) error {
		n := 0
		err := number(func(*builder) *int { return &n }, 0, most)(b, d)
		b.option(level, name, n)
		return err
	}
}

func bytesOption(name int) setter {
	return func(b *builder, d unit.Directive) error {
		n, err := unit.Size(d.Value)
		if err == nil && n > 1<<30 {
			err = fmt.Errorf("%q is more than 1G", d.Value)
		}
		b.option(unix.SOL_SOCKET, name, int(n))
		return err
	}
}

func secondsOption(level, name int) setter {
	return func(b *builder, d unit.Directive) error {
		t, err := unit.Duration(d.Value)
		if err == nil && t > 32767*time.Second {
			err = fmt.Errorf("%q is longer than 32767s", d.Value)
		}
		b.option(level, name, int(t/time.Second))
		return err
	}
}
