package tuf

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errNoLandlock is that the process cannot be confined by Landlock.
var errNoLandlock = errors.New("metadata is read without Landlock")

// landlock takes all rights that Landlock knows of from every thread of the process, and
// the way to get new privileges: from then on it opens no file and no TCP connection,
// whoever it runs as. What was opened before stays open. Landlock knows no other protocol
// up to ABI 7, Multipath TCP included; those the network namespace keeps away.
func landlock() error {
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return fmt.Errorf("%w: this kernel has none or it is off: %w", errNoLandlock, e)
	}
	attr := handled(int(abi))
	set, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if e != 0 {
		return fmt.Errorf("landlock_create_ruleset, ABI %d: %w", abi, e)
	}
	defer unix.Close(int(set))
	// Both are a thread's. A thread that the runtime starts inherits them from its maker,
	// so it has to be all of them at once, which Go offers to programs without cgo.
	if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e == syscall.ENOTSUP {
		return fmt.Errorf("%w: this program is built with cgo, whose threads are not all known", errNoLandlock)
	} else if e != 0 {
		return fmt.Errorf("no new privileges: %w", e)
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); e != 0 {
		return fmt.Errorf("landlock_restrict_self, ABI %d: %w", abi, e)
	}
	return nil
}

// handled is what a ruleset without a rule denies: all that a kernel of an ABI knows of
// (Linux, include/uapi/linux/landlock.h).
func handled(abi int) unix.LandlockRulesetAttr {
	rights := func(last uint64) uint64 { return last<<1 - 1 }
	a := unix.LandlockRulesetAttr{Handled_access_fs: rights(unix.LANDLOCK_ACCESS_FS_MAKE_SYM)}
	if abi >= 2 {
		a.Handled_access_fs = rights(unix.LANDLOCK_ACCESS_FS_REFER)
	}
	if abi >= 3 {
		a.Handled_access_fs = rights(unix.LANDLOCK_ACCESS_FS_TRUNCATE)
	}
	if abi >= 4 {
		a.Handled_access_net = rights(unix.LANDLOCK_ACCESS_NET_CONNECT_TCP)
	}
	if abi >= 5 {
		a.Handled_access_fs = rights(unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
	}
	if abi >= 6 {
		a.Scoped = rights(unix.LANDLOCK_SCOPE_SIGNAL)
	}
	return a
}
