package spawn

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// openTTY opens a terminal and, if it is the input, makes it the session's: tty-force takes it from
// whoever has it, tty waits until it is free, tty-fail does not wait. The wait
// ends with the start's timeout. /dev/console stands for the device behind it,
// which alone can be a controlling terminal.
func openTTY(t *plan.TTY, input string) (int, error) {
	path := t.Path
	if path == "" || path == "/dev/console" {
		path = "/dev/console"
		if b, err := os.ReadFile("/sys/class/tty/console/active"); err == nil {
			if names := strings.Fields(string(b)); len(names) > 0 {
				path = "/dev/" + names[len(names)-1]
			}
		}
	}
	if t.Hangup {
		if err := hangUp(path); err != nil {
			return -1, err
		}
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return -1, err
	}
	if err := control(fd, path, input); err != nil {
		return -1, fmt.Errorf("make %s the controlling terminal: %w", path, err)
	}
	if t.Reset {
		resetTTY(fd)
	}
	if t.Disallocate {
		disallocate(fd, path)
	}
	if t.Rows > 0 || t.Columns > 0 {
		size := unix.Winsize{Row: uint16(t.Rows), Col: uint16(t.Columns)}
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size); err != nil {
			return -1, fmt.Errorf("set the size of %s: %w", path, err)
		}
	}
	return fd, nil
}

// control makes fd the controlling terminal of this session.
func control(fd int, path, input string) error {
	if !strings.HasPrefix(input, "tty") {
		return nil // it is written to only, and stays whose it is
	}
	if input == "tty-force" {
		return unix.IoctlSetInt(fd, unix.TIOCSCTTY, 1)
	}
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(watch, path, unix.IN_CLOSE)
	}
	if err != nil {
		return fmt.Errorf("wait for it: %w", err)
	}
	defer unix.Close(watch)
	for {
		err := unix.IoctlSetInt(fd, unix.TIOCSCTTY, 0)
		if err != unix.EPERM || input == "tty-fail" {
			return err
		}
		var b [4096]byte
		if _, err := unix.Read(watch, b[:]); err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for it: %w", err)
		}
	}
}

// hangUp ends whoever uses the terminal still.
func hangUp(path string) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlSetInt(fd, unix.TIOCVHANGUP, 0); err != nil {
		return fmt.Errorf("hang up %s: %w", path, err)
	}
	return nil
}

// resetTTY sets what an earlier program may have left: the modes of
// stty(1)'s sane, a white page.
func resetTTY(fd int) {
	if t, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		t.Iflag = unix.ICRNL | unix.IMAXBEL | unix.IUTF8 | unix.BRKINT
		t.Oflag = unix.OPOST | unix.ONLCR
		t.Cflag = t.Cflag&(unix.CBAUD|unix.CSTOPB|unix.PARENB) | unix.CS8 | unix.CREAD | unix.HUPCL | unix.CLOCAL
		t.Lflag = unix.ISIG | unix.ICANON | unix.IEXTEN | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, t) // a terminal that cannot is used as it is
	}
	_, _ = unix.Write(fd, []byte("\x1b!p\x1b[0m\x1b[?25h"))
}

// vtDisallocate is VT_DISALLOCATE of include/uapi/linux/vt.h.
const vtDisallocate = 0x5608

// disallocate empties a virtual terminal and its scrollback.
func disallocate(fd int, path string) {
	if n, err := strconv.Atoi(strings.TrimPrefix(path, "/dev/tty")); err == nil {
		if console, err := unix.Open("/dev/tty0", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err == nil {
			_ = unix.IoctlSetInt(console, vtDisallocate, n) // EBUSY while it is shown; then it is cleared below
			unix.Close(console)
		}
	}
	_, _ = unix.Write(fd, []byte("\x1b[r\x1b[H\x1b[3J"))
}
