package setup

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clarityos/update/gpt"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// offer says what a person can do about a /var that cannot be used.
const offer = "`clarityctl factory-reset --recreate` makes an empty one"

// contents is what there is on a data disk.
type contents int

const (
	fileSystem contents = iota // … that was mounted before
	nothing                    // … or what power was cut in the making of
	unfinished                 // a file system that may be no more than begun
)

// findData finds the data disk: on a machine with slots the partition beside them, since
// other disks may be anybody's.
func findData(ctx context.Context, label string) (device string, has contents, err error) {
	disk, err := slotDisk()
	if errors.Is(err, slots.ErrNoSlots) {
		ctx, cancel := context.WithTimeout(ctx, diskWait)
		defer cancel()
		return findDisk(ctx, label)
	}
	if err != nil {
		return "", 0, err
	}
	if device, err = partition(disk, label); err != nil {
		return "", 0, err
	}
	f, table, _, err := openTable(disk, os.O_RDONLY)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	part, _ := table.Partition(label)
	head, err := readHead(device)
	if err != nil {
		return "", 0, fmt.Errorf("read %s: %w", device, err)
	}
	_, is := ext4Label(head)
	switch {
	case is && part.Made:
		return device, fileSystem, nil
	case is:
		return device, unfinished, nil
	case !part.Made || allZero(head):
		return device, nothing, nil
	}
	return "", 0, fmt.Errorf("%s has no file system that can be read; /var is in memory; %s", device, offer)
}

// finish notes, before it is used, that the data disk has a file system, so that no later
// boot takes it for one that is unfinished.
func finish(label string) error {
	disk, err := slotDisk()
	if errors.Is(err, slots.ErrNoSlots) {
		return nil
	}
	if err != nil {
		return err
	}
	f, table, _, err := openTable(disk, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	part, _ := table.Partition(label)
	table.Mark(part.Number, true)
	return table.Write(f)
}

// partition gives the device of a disk's partition.
func partition(disk, name string) (string, error) {
	all, err := filepath.Glob("/sys/class/block/" + filepath.Base(disk) + "/*/partition")
	if err != nil {
		return "", err
	}
	for _, p := range all {
		if part := filepath.Base(filepath.Dir(p)); partName(part) == name {
			return "/dev/" + part, nil
		}
	}
	return "", fmt.Errorf("%s has no partition %s; /var is in memory; %s", disk, name, offer)
}

// Recreate has the next boot make an empty file system for /var on the disk with the slots,
// whose partition is made anew if need be. One that is mounted is not touched.
func Recreate() error {
	disk, err := slotDisk()
	if err != nil {
		return err
	}
	f, table, size, err := openTable(disk, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	part, there := table.Partition(bootdisk.Var)
	if there {
		device, err := partition(disk, bootdisk.Var)
		if err != nil {
			return err
		}
		mounts, err := os.ReadFile("/proc/mounts")
		if err != nil {
			return err
		}
		if bytes.Contains(append([]byte("\n"), mounts...), []byte("\n"+device+" ")) {
			return errors.New("/var is on the disk; `clarityctl factory-reset` without --recreate empties it")
		}
	} else {
		var guid gpt.GUID
		_, _ = rand.Read(guid[:]) // never fails
		if part, err = table.Add(bootdisk.Var, gpt.Var, guid, size); err != nil {
			return err
		}
	}
	// First what the partition must not be taken for, then the partition.
	if _, err := f.WriteAt(make([]byte, headSize), int64(part.First)*gpt.Sector); err != nil {
		return fmt.Errorf("make the partition of /var blank: %w", err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	table.Mark(part.Number, false)
	return table.Write(f)
}
