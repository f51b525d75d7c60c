// Package notify is the receiving end of sd_notify(3): one datagram socket for
// each invocation, so that a message is attributed by where it arrives.
package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/supervisor"
)

// Listen makes the socket, writable for everybody, since a service may have
// dropped root before it sends.
func Listen(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("notify socket: %w", err)
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err == nil {
		if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
			err = unix.Chmod(path, 0o666)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("notify socket %s: %w", path, err)
	}
	return fd, nil
}

// most is how many datagrams one Receive takes, so that a flood on one socket
// does not hold up the rest.
const most = 64

// Receive takes what has arrived. The unit and the invocation are the caller's
// to fill in.
func Receive(fd int) []supervisor.Notified {
	var out []supervisor.Notified
	b, oob := make([]byte, 4096), make([]byte, 256)
	for range most {
		n, oobn, _, _, err := unix.Recvmsg(fd, b, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			break
		}
		m := Parse(string(b[:n]))
		m.PID = sender(oob[:oobn])
		out = append(out, m)
	}
	return out
}

// sender gives the pid in the control messages, and closes descriptors that
// came along uninvited.
func sender(oob []byte) int {
	pid := 0
	cmsgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range cmsgs {
		if cred, err := unix.ParseUnixCredentials(&cmsgs[i]); err == nil {
			pid = int(cred.Pid)
		} else if fds, err := unix.ParseUnixRights(&cmsgs[i]); err == nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}
	}
	return pid
}

// Parse reads the lines of one message. What it does not know it leaves out.
func Parse(text string) supervisor.Notified {
	var m supervisor.Notified
	for line := range strings.SplitSeq(text, "\n") {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "READY":
			m.Ready = value == "1"
		case "RELOADING":
			m.Reloading = value == "1"
		case "STOPPING":
			m.Stopping = value == "1"
		case "MONOTONIC_USEC":
			m.ReloadedAt = microseconds(value, timeBits)
		case "ERRNO":
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 4096 {
				m.Errno = n
			}
		case "WATCHDOG":
			m.Alive, m.Trigger = value == "1", value == "trigger"
		case "WATCHDOG_USEC":
			m.Watchdog = microseconds(value, spanBits)
		case "STATUS":
			m.Status, m.StatusSet = strings.ToValidUTF8(value, "?"), true
		case "MAINPID":
			if n, err := strconv.Atoi(value); err == nil && n > 1 {
				m.MainPID = n
			}
		case "EXTEND_TIMEOUT_USEC":
			m.Extend = microseconds(value, spanBits)
		}
	}
	return m
}

// How many bits of microseconds are believed: a span, to which PID 1 adds, may
// be 12 days, a time since the machine began 285 years.
const (
	spanBits = 40
	timeBits = 53
)

// microseconds reads a number of at most so many bits; 0 for anything else.
func microseconds(value string, bits int) time.Duration {
	n, err := strconv.ParseUint(value, 10, bits)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}
