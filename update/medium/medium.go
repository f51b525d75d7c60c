// Package medium finds releases on media that are plugged in: disks that are not the machine's
// own, with a bundle or a repository at their top. They are only read, and nothing on them is
// executed or believed; but the kernel reads their file systems, so that nobody should have
// this done by itself who does not trust what is plugged in to that extent.
package medium

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/source"
)

// Name is where an order has a release come from when it is a medium.
const Name = "medium"

// What a medium has at its top: a bundle or, as a folder, a repository.
const (
	Bundle     = "clarity.bundle"
	Repository = "clarity-updates"
)

// kinds are the file systems that are tried.
var kinds = []string{"vfat", "exfat", "ext4", "iso9660", "udf"}

// Devices gives the names of block devices that may be media, in the order in which they are
// looked at: partitions, or disks that have none. Block is /sys/block, and own the machine's
// disk.
func Devices(block fs.FS, own string) (names []string, err error) {
	disks, err := fs.ReadDir(block, ".")
	if err != nil {
		return nil, fmt.Errorf("look for media: %w", err)
	}
	for _, d := range disks {
		name := d.Name()
		size, err := fs.ReadFile(block, path.Join(name, "size"))
		if err != nil || strings.TrimSpace(string(size)) == "0" || name == own || virtual(name) {
			continue // it has gone, or there is no medium in it
		}
		parts, err := fs.Glob(block, path.Join(name, "*", "partition"))
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			names = append(names, path.Base(path.Dir(p)))
		}
		if len(parts) == 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

// virtual says whether a device is made of others, or of memory.
func virtual(name string) bool {
	for _, prefix := range []string{"loop", "ram", "zram", "dm-", "md", "nbd"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Open gives the first medium's releases; own is the machine's disk. The error wraps
// fs.ErrNotExist when no medium has any.
func Open(own string, o source.Options) (source.Source, error) {
	names, err := Devices(os.DirFS("/sys/block"), own)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/run", "clarity-medium-")
	if err != nil {
		return nil, err
	}
	var seen []string
	for _, n := range names {
		if !mount("/dev/"+n, dir) {
			continue
		}
		from, err := open(dir, o)
		if err == nil {
			return &mounted{from, n, dir}, nil
		}
		seen = append(seen, fmt.Sprintf("%s: %v", n, err))
		if err := unix.Unmount(dir, 0); err != nil {
			return nil, fmt.Errorf("look for media: %w", err)
		}
	}
	err = fmt.Errorf("%w: no medium has %s or %s at its top", fs.ErrNotExist, Bundle, Repository)
	if len(seen) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(seen, "; "))
	}
	return nil, errors.Join(err, os.Remove(dir))
}

// mount mounts a device whose file system is one of kinds.
func mount(device, dir string) bool {
	for _, kind := range kinds {
		if unix.Mount(device, dir, kind, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") == nil {
			return true
		}
	}
	return false
}

func open(dir string, o source.Options) (source.Source, error) {
	from, err := source.Open(filepath.Join(dir, Bundle), o)
	if errors.Is(err, fs.ErrNotExist) {
		return source.Open(filepath.Join(dir, Repository), o)
	}
	return from, err
}

// mounted is a source that is unmounted when it is closed.
type mounted struct {
	source.Source
	device, dir string
}

func (m *mounted) String() string { return "medium " + m.device }

func (m *mounted) Close() error {
	return errors.Join(m.Source.Close(), unix.Unmount(m.dir, 0), os.Remove(m.dir))
}
