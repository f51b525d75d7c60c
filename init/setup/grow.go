package setup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"clarityos/update/gpt"
	"clarityos/update/slots"
)

// growData has the partition of /var reach to the end of the disk with the slots, which may
// be larger than its image was.
func growData(name string, say func(string)) error {
	running, err := slots.ReadRunning()
	if errors.Is(err, slots.ErrNoSlots) {
		return nil
	}
	if err != nil {
		return err
	}
	device, err := wholeDisk(running.Record)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	table, err := gpt.Read(f, size)
	if err != nil {
		return fmt.Errorf("%s: %w", device, err)
	}
	part, changed, err := table.Grow(name, size)
	if err != nil || !changed {
		return err
	}
	begin, length := int64(part.First)*gpt.Sector, int64(part.Last-part.First+1)*gpt.Sector
	say(fmt.Sprintf("%s: partition %s grows to %d MiB", device, name, length>>20))
	if err := table.Write(f); err != nil {
		return fmt.Errorf("%s: %w", device, err)
	}
	return resize(f, part.Number+1, begin, length)
}

// wholeDisk gives the disk of a partition's device.
func wholeDisk(part string) (string, error) {
	path, err := filepath.EvalSymlinks("/sys/class/block/" + filepath.Base(part))
	if err != nil {
		return "", err
	}
	return "/dev/" + filepath.Base(filepath.Dir(path)), nil
}

// resize tells the kernel a partition's new size (linux/blkpg.h); others on the disk may be
// in use meanwhile.
func resize(disk *os.File, number int, begin, length int64) error {
	const blkpg, resizePartition = 0x1269, 3
	part := struct {
		begin, length int64
		number        int32
		names         [128]byte
		_             [4]byte
	}{begin: begin, length: length, number: int32(number)}
	arg := struct {
		op, flags, size int32
		part            unsafe.Pointer
	}{op: resizePartition, size: int32(unsafe.Sizeof(part)), part: unsafe.Pointer(&part)}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), blkpg, uintptr(unsafe.Pointer(&arg))); e != 0 {
		return fmt.Errorf("tell the kernel of the new size: %w; it is known at the next boot", e)
	}
	return nil
}
