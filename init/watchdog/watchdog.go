// Package watchdog keeps a hardware watchdog from resetting the machine for as
// long as PID 1's loop makes progress. The device may appear at any time, since
// its driver is a module.
package watchdog

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// device is the kernel's name for the first watchdog.
const device = "/dev/watchdog"

// timeout is how long the loop may stand still before the machine is reset, in
// seconds. Hardware may round it.
const timeout = 30

// Watchdog is the device, once there is one. Its methods belong to the loop.
type Watchdog struct {
	fd       int    // -1: none yet
	Identity string // "" until there is a device
	Timeout  time.Duration
}

// New looks for a device; Pet looks again when there was none.
func New() *Watchdog {
	w := &Watchdog{fd: -1}
	w.Pet()
	return w
}

// String names the device and its timeout; "" when there is none. "Software
// Watchdog" is the kernel's own, which goes down with a kernel that hangs.
func (w *Watchdog) String() string {
	if w.fd < 0 {
		return ""
	}
	return fmt.Sprintf("%s, %v", w.Identity, w.Timeout)
}

// Hardware says whether the device goes on when the kernel does not.
func (w *Watchdog) Hardware() bool { return w.fd >= 0 && w.Identity != "Software Watchdog" }

// Pet puts the reset off, and opens the device if it has appeared.
func (w *Watchdog) Pet() {
	if w.fd < 0 {
		w.open()
		return
	}
	_, _ = unix.Write(w.fd, []byte{0}) // a failure ends in the reset that the device is for
}

func (w *Watchdog) open() {
	fd, err := unix.Open(device, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	w.fd = fd
	if info, err := unix.IoctlGetWatchdogInfo(fd); err == nil {
		w.Identity = unix.ByteSliceToString(info.Identity[:])
	}
	_ = unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, timeout)
	if n, err := unix.IoctlGetInt(fd, unix.WDIOC_GETTIMEOUT); err == nil {
		w.Timeout = time.Duration(n) * time.Second
	}
}
