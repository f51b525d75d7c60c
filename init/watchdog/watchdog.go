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

// timeout is how long the loop may stand still before the machine is reset; starting
// is how long another kernel may take to come as far as that. Hardware may round both.
const (
	timeout  = 30 * time.Second
	starting = 2 * time.Minute
)

// Watchdog is the device, once there is one. Its methods belong to the loop.
type Watchdog struct {
	fd       int // -1: none yet
	stopped  bool
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
	if w.stopped {
		return
	}
	if w.fd < 0 {
		w.open()
		return
	}
	_, _ = unix.Write(w.fd, []byte{0}) // a failure ends in the reset that the device is for
}

// HandOver puts the reset off for as long as another kernel may take to start. The driver
// leaves the device running through that if its core was loaded with stop_on_reboot=0.
func (w *Watchdog) HandOver() {
	if w.fd >= 0 {
		w.set(starting)
		w.Pet()
	}
}

// Stop lets the machine stand still from now on: it is to be halted.
func (w *Watchdog) Stop() {
	w.stopped = true
	if w.fd >= 0 {
		_, _ = unix.Write(w.fd, []byte("V")) // the word by which drivers know that it is meant
		_ = unix.Close(w.fd)
		w.fd = -1
	}
}

// set sets the device's timeout, which it rounds.
func (w *Watchdog) set(t time.Duration) {
	_ = unix.IoctlSetPointerInt(w.fd, unix.WDIOC_SETTIMEOUT, int(t/time.Second))
	if n, err := unix.IoctlGetInt(w.fd, unix.WDIOC_GETTIMEOUT); err == nil {
		w.Timeout = time.Duration(n) * time.Second
	}
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
	w.set(timeout)
}
