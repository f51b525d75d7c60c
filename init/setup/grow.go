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
	device, err := slotDisk()
	if errors.Is(err, slots.ErrNoSlots) {
		return nil
	}
	if err != nil || readOnly(device) {
		return err
	}
	f, table, size, err := openTable(device, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, there := table.Partition(name); !there {
		return nil // whoever needs it tells
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

// slotDisk gives the device of the disk with the slots; the error wraps slots.ErrNoSlots on a
// machine that has none.
func slotDisk() (string, error) {
	running, err := slots.ReadRunning()
	if err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks("/sys/class/block/" + filepath.Base(running.Record))
	if err != nil {
		return "", err
	}
	return "/dev/" + filepath.Base(filepath.Dir(path)), nil
}

// openTable opens a disk and reads its partition table.
func openTable(device string, how int) (f *os.File, table *gpt.Table, size int64, err error) {
	if f, err = os.OpenFile(device, how, 0); err != nil {
		return nil, nil, 0, err
	}
	if size, err = f.Seek(0, io.SeekEnd); err == nil {
		table, err = gpt.Read(f, size)
	}
	if err != nil {
		return nil, nil, 0, errors.Join(fmt.Errorf("%s: %w", device, err), f.Close())
	}
	return f, table, size, nil
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
