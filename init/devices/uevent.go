package devices

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// uevent is one message of the kernel about a device.
type uevent struct {
	Action   string // add, remove, change, …
	Path     string // below /sys
	Modalias string
}

// parseUevent reads "add@/devices/…" and the KEY=value strings after it, each
// ended by a NUL. ok is false for anything else, such as udev's own messages.
func parseUevent(b []byte) (e uevent, ok bool) {
	fields := strings.Split(string(b), "\x00")
	if e.Action, e.Path, ok = strings.Cut(fields[0], "@"); !ok {
		return uevent{}, false
	}
	for _, f := range fields[1:] {
		if v, found := strings.CutPrefix(f, "MODALIAS="); found {
			e.Modalias = v
		}
	}
	return e, true
}

// receiveBuffer is the socket's, in bytes: the kernel drops what does not fit.
const receiveBuffer = 4 << 20

func listen() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return -1, fmt.Errorf("uevent socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) // a smaller one only means more scans
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("uevent socket: %w", err)
	}
	return fd, nil
}

// follow acts on events until ctx ends. When the kernel had to drop some
// (ENOBUFS), everything is looked at again.
func (l *loader) follow(ctx context.Context, fd int) error {
	stop := context.AfterFunc(ctx, func() { _ = unix.Shutdown(fd, unix.SHUT_RD) })
	defer stop()
	b := make([]byte, 16<<10)
	for ctx.Err() == nil {
		n, from, err := unix.Recvfrom(fd, b, 0)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			l.scan()
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("uevents: %w", err)
		}
		if nl, ok := from.(*unix.SockaddrNetlink); !ok || nl.Pid != 0 {
			continue // not the kernel's
		}
		e, ok := parseUevent(b[:n])
		if !ok || e.Action != "add" {
			continue
		}
		if e.Modalias != "" {
			l.load(e.Modalias)
		}
		if strings.Contains(e.Path, "/virtio-ports/") {
			link()
		}
	}
	return nil
}
