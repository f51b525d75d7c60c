package devices

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Event is one message of the kernel about a device.
type Event struct {
	Action    string // add, remove, change, …
	Path      string // below /sys
	Subsystem string // such as net or block
	Modalias  string
	Corrupt   string // of a verity device: "1,N" or "2,N" is that block N of its data or hashes is not what it was
}

// parseUevent reads "add@/devices/…" and the KEY=value strings after it, each
// ended by a NUL. ok is false for anything else, such as udev's own messages.
func parseUevent(b []byte) (e Event, ok bool) {
	fields := strings.Split(string(b), "\x00")
	if e.Action, e.Path, ok = strings.Cut(fields[0], "@"); !ok {
		return Event{}, false
	}
	for _, f := range fields[1:] {
		switch key, v, _ := strings.Cut(f, "="); key {
		case "MODALIAS":
			e.Modalias = v
		case "SUBSYSTEM":
			e.Subsystem = v
		case "DM_VERITY_ERR_BLOCK_NR":
			e.Corrupt = v
		}
	}
	return e, true
}

// receiveBuffer is the socket's, in bytes: the kernel drops what does not fit.
const receiveBuffer = 4 << 20

func listen() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("uevent socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) // a smaller one only means more scans
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("uevent socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "uevents"), nil
}

// follow acts on events until ctx ends. When the kernel had to drop some
// (ENOBUFS), everything is looked at again.
func (l *loader) follow(ctx context.Context, events *os.File) error {
	// netlink knows no shutdown(2)
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Now()) })
	defer stop()
	socket, err := events.SyscallConn()
	if err != nil {
		return fmt.Errorf("uevents: %w", err)
	}
	b := make([]byte, 16<<10)
	for {
		var n int
		var from unix.Sockaddr
		var err error
		wait := socket.Read(func(fd uintptr) bool {
			n, from, err = unix.Recvfrom(int(fd), b, 0)
			return err != unix.EAGAIN
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case wait != nil:
			return fmt.Errorf("uevents: %w", wait)
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
		if !ok {
			continue
		}
		if e.Subsystem != "" && e.Subsystem != "module" { // a module is no device
			l.changed(e)
		}
		if e.Action != "add" {
			continue
		}
		if e.Modalias != "" {
			l.load(e.Modalias)
		}
		if strings.Contains(e.Path, "/virtio-ports/") {
			link()
		}
	}
}
