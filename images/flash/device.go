package flash

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dirtyMost is how much may wait in the page cache before it is synced, in bytes: more
// would only make progress a lie.
const dirtyMost = 32 << 20

// target is a device or a file, opened. It writes and reads past the page cache where
// that works.
type target struct {
	path   string
	block  bool
	plain  *os.File
	direct *os.File // nil: the page cache it is
	dirty  int64    // bytes that were written to plain since the last sync
	zero   []func(at, n int64) error
}

// openTarget opens what is to be written to. Exclusively, a device is nobody else's as
// long as it is open, and nothing of it can be mounted.
func openTarget(path string, block, exclusive bool) (*target, error) {
	flags := os.O_RDWR
	if block && exclusive {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("%s is in use by something that neither /sys nor /proc tells of, such as a mount in another namespace; end that; %w", path, errRefused)
	case errors.Is(err, unix.EROFS):
		return nil, fmt.Errorf("%s is read-only, or on something that is; look for its switch: %w", path, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%s may not be written to by this user; run it as root: %w", path, err)
	case err != nil:
		return nil, err
	}
	t := &target{path: path, block: block, plain: f}
	t.direct, _ = os.OpenFile(path, os.O_RDWR|unix.O_DIRECT, 0) // else without
	t.zero = []func(at, n int64) error{t.punch, t.zeroOut, t.writeZeros}
	return t, nil
}

func (t *target) Close() error {
	if t.direct != nil {
		_ = t.direct.Close() // nothing of it is pending
	}
	return t.plain.Close()
}

// fits is whether something can be done directly: at whole pages, from one.
func (t *target) fits(b []byte, at int64) bool {
	return t.direct != nil && at%firstSize == 0 && len(b)%firstSize == 0 && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%firstSize == 0
}

// through does something directly if that works, else by the page cache.
func (t *target) through(b []byte, at int64, do func(*os.File) (int, error)) (int, bool, error) {
	if t.fits(b, at) {
		n, err := do(t.direct)
		if !errors.Is(err, unix.EINVAL) {
			return n, true, err
		}
		_ = t.direct.Close() // it takes nothing
		t.direct = nil
	}
	n, err := do(t.plain)
	return n, false, err
}

func (t *target) ReadAt(b []byte, at int64) (int, error) {
	n, _, err := t.through(b, at, func(f *os.File) (int, error) { return f.ReadAt(b, at) })
	if errors.Is(err, io.EOF) && n == len(b) {
		err = nil
	}
	return n, err
}

func (t *target) WriteAt(b []byte, at int64) (int, error) {
	n, direct, err := t.through(b, at, func(f *os.File) (int, error) { return f.WriteAt(b, at) })
	if err == nil && !direct {
		if t.dirty += int64(n); t.dirty >= dirtyMost {
			err = t.Sync()
		}
	}
	return n, err
}

// Sync also drops what is in the page cache, so that reading reads the device.
func (t *target) Sync() error {
	if err := t.plain.Sync(); err != nil {
		return err
	}
	t.dirty = 0
	if err := unix.Fadvise(int(t.plain.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("drop what is cached of %s: %w", t.path, err)
	}
	return nil
}

// Zero takes the first way that works. A discard is none of them: a device may give
// anything afterwards.
func (t *target) Zero(at, n int64) error {
	for {
		err := t.zero[0](at, n)
		if len(t.zero) == 1 || !unsupported(err) {
			return err
		}
		t.zero = t.zero[1:]
	}
}

func unsupported(err error) bool {
	for _, e := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.EINVAL, unix.ENOSYS, unix.EREMOTEIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// punch makes a hole, also in a device: where the kernel says that it did, it reads as
// zeros (block/fops.c, blkdev_fallocate).
func (t *target) punch(at, n int64) error {
	err := unix.Fallocate(int(t.plain.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
	if err != nil {
		return &os.PathError{Op: "punch a hole in", Path: t.path, Err: err}
	}
	return nil
}

// zeroOut lets the kernel write zeros (block/ioctl.c, blk_ioctl_zeroout).
func (t *target) zeroOut(at, n int64) error {
	if !t.block {
		return unix.EOPNOTSUPP
	}
	span := [2]uint64{uint64(at), uint64(n)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, t.plain.Fd(), unix.BLKZEROOUT, uintptr(unsafe.Pointer(&span)))
	runtime.KeepAlive(t.plain)
	if errno != 0 {
		return &os.PathError{Op: "clear", Path: t.path, Err: errno}
	}
	return nil
}

func (t *target) writeZeros(at, n int64) error {
	zeros := aligned(min(n, 1<<20))
	for ; n > 0; n -= int64(len(zeros)) {
		zeros = zeros[:min(n, int64(len(zeros)))]
		if _, err := t.WriteAt(zeros, at); err != nil {
			return err
		}
		at += int64(len(zeros))
	}
	return nil
}

// rescan lets the kernel look at a device's new partitions.
func (t *target) rescan() error {
	if !t.block {
		return nil
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, t.plain.Fd(), unix.BLKRRPART, 0)
	runtime.KeepAlive(t.plain)
	if errno != 0 && errno != unix.EINVAL { // it can have none, as some loop devices
		return errno
	}
	return nil
}
