package flash

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/images/sparse"
	"clarityos/update/gpt"
)

// Options are choices that have nothing to do with the image.
type Options struct {
	Force     bool // write to a device that is in use, read-only, or a partition
	Resume    bool // compare first, and write what differs
	KeepGUIDs bool // those of the image; else they are drawn anew
	// Say is told what a person should know on the way; Progress how far it has come, for
	// each few MiB. Either may be nil.
	Say      func(string)
	Progress func(Step)
}

// Flash writes the image of a disk to a device or an existing file, whole, and reads it
// back. When ctx ends it stops within a few MiB.
func Flash(ctx context.Context, image, device string, o Options) (Done, error) {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Step) {}
	}
	f, err := os.Open(image)
	if err != nil {
		return Done{}, fmt.Errorf("open the image: %w", err)
	}
	defer f.Close()
	s, err := open(f)
	if err != nil {
		return Done{}, fmt.Errorf("read %s as the image of a disk: %w", image, err)
	}
	c, err := look(device, f)
	if errors.Is(err, os.ErrPermission) {
		return Done{}, fmt.Errorf("look at %s: %w; run it as root", device, err)
	}
	if err != nil {
		return Done{}, fmt.Errorf("look at %s: %w", device, err)
	}
	if err := accept(c, s.Size, o.Force); err != nil {
		return Done{}, err
	}
	draw := drawGUID
	if o.KeepGUIDs {
		draw = nil
	}
	d, err := NewDisk(s, c.size, draw)
	if err != nil {
		return Done{}, fmt.Errorf("%s cannot be written to %s: %w", image, device, err)
	}
	t, err := openTarget(c.real, c.kind == blockDevice, !o.Force)
	if err != nil {
		return Done{}, fmt.Errorf("open the device: %w", err)
	}
	o.Say(fmt.Sprintf("%s, %s with %s of data, goes to %s", image, Size(s.Size), Size(amount(s.Data)), c))
	w := &writer{Disk: d, dev: t, resume: o.Resume, say: o.Progress, chunk: chunkSize}
	done, err := w.write(ctx)
	if err == nil {
		if busy := t.rescan(); busy != nil {
			o.Say(fmt.Sprintf("the kernel still has the device's old partitions (%v); unplug it, or reboot, before they are mounted", busy))
		}
	}
	if closing := t.Close(); err == nil {
		err = closing
	}
	return done, told(err, image, device, w.wiped, o)
}

// told says what an error comes to, and what to do. Wiped is whether the device has no
// partition table by now.
func told(err error, image, device string, wiped bool, o Options) error {
	again := "clarity flash --resume "
	if o.Force {
		again += "--force "
	}
	if o.KeepGUIDs {
		again += "--keep-guids "
	}
	again += image + " " + device + " writes what is missing"
	if wiped {
		again = "it has no partition table now, and does not boot; " + again
	}
	var differs *Differs
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("writing %s was interrupted: %s", device, again)
	case errors.As(err, &differs):
		return fmt.Errorf("check %s: %w: it is worn out, or smaller than it says; take another one. %s", device, err, again)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS), errors.Is(err, unix.EACCES):
		return fmt.Errorf("write %s: %w: it is read-only; look for its switch, or try blockdev --setrw. Then: %s", device, err, again)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("write %s: %w: what it lies on is full; make room there. Then: %s", device, err, again)
	}
	return fmt.Errorf("write %s: %w; look into the kernel's log (dmesg) for the cause. Then: %s", device, err, again)
}

// open looks at an image.
func open(f *os.File) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return Source{}, err
	}
	if !info.Mode().IsRegular() {
		return Source{}, errors.New("it is no regular file")
	}
	var magic [8]byte
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(magic))), magic[:]); err == nil {
		if how := unpack(string(magic[:]), f.Name()); how != "" {
			return Source{}, errors.New("it is packed; unpack it first: " + how)
		}
	}
	data, err := sparse.Data(f, info.Size())
	return Source{f, info.Size(), data}, err
}

// unpack says how a file that begins with magic is made a raw disk; "": it may be one.
func unpack(magic, name string) string {
	switch {
	case strings.HasPrefix(magic, "\x28\xb5\x2f\xfd"):
		return "zstd -d " + name
	case strings.HasPrefix(magic, "QFI\xfb"):
		return "qemu-img convert -f qcow2 -O raw " + name + " disk.raw"
	case strings.HasPrefix(magic, "conectix"):
		return "qemu-img convert -f vpc -O raw " + name + " disk.raw"
	case strings.HasPrefix(magic, "\x1f\x8b"):
		return "gunzip " + name
	case strings.HasPrefix(magic, "\xfd7zXZ"):
		return "unxz " + name
	}
	return ""
}

// look finds out what a path is, and what it is in use for.
func look(device string, image *os.File) (candidate, error) {
	c := candidate{path: device, real: device}
	real, err := filepath.EvalSymlinks(device)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		c.real, err = filepath.Abs(real)
	}
	if err != nil {
		return c, err
	}
	info, err := os.Stat(c.real)
	if err != nil {
		return c, err
	}
	of, err := image.Stat()
	if err != nil {
		return c, err
	}
	c.kind, c.image = otherKind, os.SameFile(info, of)
	sys, err := running()
	if err != nil {
		return c, err
	}
	nodes, err := sys.nodes()
	if err != nil {
		return c, err
	}
	switch {
	case info.Mode().IsRegular():
		c.kind, c.size = regular, info.Size()
		c.uses, err = sys.uses(nodes, nil, c.real)
	case info.Mode()&os.ModeDevice != 0 && info.Mode()&os.ModeCharDevice == 0:
		c.kind = blockDevice
		var st unix.Stat_t
		if err := unix.Stat(c.real, &st); err != nil {
			return c, err
		}
		if c.size, c.sector, err = blockSizes(c.real); err != nil {
			return c, err
		}
		if c.node = find(nodes, fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))); c.node != nil {
			if backing, err := os.Stat(c.node.backing); err == nil && os.SameFile(backing, of) {
				c.image = true
			}
			c.uses, err = sys.uses(nodes, c.node, "")
		}
	}
	return c, err
}

// running is what the running kernel tells.
func running() (system, error) {
	s := system{sys: os.DirFS("/sys"), real: func(p string) string {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			return real
		}
		return p
	}}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return s, fmt.Errorf("what is mounted is not known: %w", err)
	}
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without swap has none
		return s, fmt.Errorf("what is swapped to is not known: %w", err)
	}
	s.mounts, s.swaps = string(mounts), string(swaps)
	return s, nil
}

// blockSizes gives the bytes of a device and of its logical sectors.
func blockSizes(path string) (size, sector int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, 0, err
	}
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET)
	return size, int64(n), err
}

func (c candidate) String() string {
	var about []string
	if c.node != nil {
		sys := system{sys: os.DirFS("/sys")}
		for _, name := range []string{"vendor", "model"} {
			if text := sys.text("block/"+c.node.name+"/device", name); text != "" {
				about = append(about, text)
			}
		}
	}
	return fmt.Sprintf("%s (%s)", c.path, strings.TrimLeft(strings.Join(about, " ")+", "+Size(c.size), ", "))
}

func amount(data []sparse.Extent) (n int64) {
	for _, e := range data {
		n += e.Len()
	}
	return n
}

// drawGUID gives one of version 4 (RFC 9562).
func drawGUID() (g gpt.GUID) {
	_, _ = rand.Read(g[:]) // it never fails (crypto/rand)
	g[7] = g[7]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}
