package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// diskWait is how long the data disk may take to appear, look how often it is
// looked for.
const (
	diskWait = 30 * time.Second
	look     = 20 * time.Millisecond
)

// mountData finds the data disk, makes its file system when it is blank, checks and grows it
// otherwise, and mounts it on /var with what the image has there. It may be mounted although
// something else has failed.
func mountData(ctx context.Context, d *plan.Data, say func(string)) (mounted bool, err error) {
	device, has, err := findData(ctx, d.Label)
	if err != nil {
		return false, err
	}
	fixed := readOnly(device)
	switch {
	case fixed:
		say(device + " cannot be written: what is written to /var is gone with this boot")
	case has != nothing:
		if err = check(device, say); err != nil && has == unfinished {
			say(fmt.Sprintf("%s was not finished: %v", device, err))
			has, err = nothing, nil
		}
	}
	if has == nothing && !fixed {
		say(fmt.Sprintf("%s is blank: making an ext4 file system", device))
		err = command("/usr/sbin/mke2fs", "-q", "-t", "ext4", "-L", d.Label, "-E", "nodiscard", device)
	}
	if err != nil {
		return false, err
	}
	image, err := os.MkdirTemp("/run/clarity", "var-")
	if err != nil {
		return false, err
	}
	if err := unix.Mount("/var", image, "", unix.MS_BIND, ""); err != nil {
		return false, fmt.Errorf("keep the image's /var: %w", err)
	}
	if fixed {
		err = mountUnder(device, "/var")
	} else {
		err = unix.Mount(device, "/var", "ext4", unix.MS_NOSUID|unix.MS_NODEV, "")
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("mount %s on /var: %w", device, err), unix.Unmount(image, 0))
	}
	err = fill(image, has != fileSystem, say)
	if has != fileSystem && !fixed {
		unix.Sync()
		if wrong := finish(d.Label); wrong != nil { // it would be made anew at the next boot
			return false, errors.Join(err, wrong, unix.Unmount("/var", 0))
		}
	}
	return true, errors.Join(err, unix.Unmount(image, 0), os.Remove(image))
}

// fill gives /var what the image has there: files only when it is new, or has been emptied.
func fill(image string, files bool, say func(string)) error {
	emptied, err := reset("/var", say)
	if err == nil {
		err = copyTree(image, "/var", files || emptied)
	}
	if err == nil && emptied {
		err = forget("/var")
	}
	return err
}

// readOnly says whether the kernel refuses to write to a device.
func readOnly(device string) bool {
	b, _ := os.ReadFile("/sys/class/block/" + filepath.Base(device) + "/ro")
	return strings.TrimSpace(string(b)) == "1"
}

// varDisk is where the data disk is mounted when memory is over it.
const varDisk = "/run/clarity/var/disk"

// mountUnder mounts a device that cannot be written, with memory over it.
func mountUnder(device, at string) error {
	lower, upper, work := varDisk, "/run/clarity/var/memory", "/run/clarity/var/work"
	if err := errors.Join(os.MkdirAll(lower, 0o755), os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o700)); err != nil {
		return err
	}
	if err := unix.Mount(device, lower, "ext4", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "noload"); err != nil { // its journal cannot be written
		return err
	}
	return unix.Mount("overlay", at, "overlay", unix.MS_NOSUID|unix.MS_NODEV, "lowerdir="+lower+",upperdir="+upper+",workdir="+work)
}

func command(path string, args ...string) error {
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(path), strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// findDisk waits for the disk with the label or, blank, with that serial
// number.
func findDisk(ctx context.Context, label string) (device string, has contents, err error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		entries, err := os.ReadDir("/sys/class/block")
		if err != nil {
			return "", 0, err
		}
		for _, e := range entries {
			device := "/dev/" + e.Name()
			head, err := readHead(device)
			if err != nil {
				continue
			}
			switch l, ok := ext4Label(head); {
			case ok && l == label:
				return device, fileSystem, nil
			case !ok && allZero(head) && serial(e.Name()) == label:
				return device, nothing, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", 0, fmt.Errorf("no disk with the label %s, and no blank one with that serial number, within %v", label, diskWait)
		case <-tick.C:
		}
	}
}

// headSize covers every place where a partition table or a common file system
// has its signature.
const headSize = 128 << 10

func readHead(device string) ([]byte, error) {
	f, err := os.Open(device)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, err
	}
	return head, nil
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func serial(name string) string {
	b, _ := os.ReadFile("/sys/class/block/" + name + "/serial")
	return strings.TrimSpace(string(b))
}

// partName is a partition's name in the partition table; "" of what is none.
func partName(name string) string {
	b, _ := os.ReadFile("/sys/class/block/" + name + "/uevent")
	_, after, _ := strings.Cut(string(b), "PARTNAME=")
	line, _, _ := strings.Cut(after, "\n")
	return line
}
