package images

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"clarityos/update/durable"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// write makes the image's folder.
func (b *build) write() (*Image, error) {
	dir, err := b.target()
	if err != nil {
		return nil, err
	}
	b.Progress.say("compressing")
	archive, err := b.compress()
	if err != nil {
		return nil, err
	}
	kernel, err := os.ReadFile(b.kernel.Image)
	if err != nil {
		return nil, fmt.Errorf("kernel: %w", err)
	}
	img := b.describe(uint64(len(kernel)))
	img.setDir(dir)
	return img, writeImage(dir, kernel, archive, img)
}

// target is the image's folder. What is there already is replaced if it is an
// image or empty; anything else is somebody's and an error.
func (b *build) target() (string, error) {
	name := b.Name
	if name == "" {
		name = b.d.Name
	}
	dir := filepath.Join(b.Out, name)
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(list) == 0 {
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("the image's folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, FactsFile)); err != nil {
		return "", fmt.Errorf("%s is there already and is not an image, so it is not replaced; choose another folder with -o or --name", dir)
	}
	return dir, nil
}

// compress is the archive as one zstd frame. The window is what klauspost's
// best level uses, 8 MiB, which every kernel's decompressor allows; one worker,
// so that the bytes do not depend on the machine.
func (b *build) compress() ([]byte, error) {
	level := zstd.SpeedBestCompression
	if b.Fast {
		level = zstd.SpeedBetterCompression
	}
	return compress(b.t, b.lock.Epoch, level)
}

// replaceDir puts the complete folder tmp at dir in one step, exchanged with
// the old one if there is one: a power cut leaves the old image or the new one.
func replaceDir(tmp, dir string) error {
	if err := durable.SyncDir(tmp); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	switch {
	case errors.Is(err, unix.ENOENT):
		err = os.Rename(tmp, dir)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS): // file systems that cannot exchange
		if err = os.RemoveAll(dir); err == nil {
			err = os.Rename(tmp, dir)
		}
	}
	if err != nil {
		return fmt.Errorf("put the image at %s: %w", dir, err)
	}
	return durable.SyncDir(filepath.Dir(dir))
}

// commandLine is what every kernel is told, unless the definition's words, which
// come later, say otherwise. Huge pages are for those who ask: one that falls
// into the bookkeeping of Go's runtime costs PID 1, and each component, 2 MB.
const commandLine = "panic=10 transparent_hugepage=madvise"

// consoleDevice is the serial port that people look at.
func (d *Definition) consoleDevice() string {
	switch {
	case d.Disk.Firmware == RaspberryPi:
		return "ttyS1" // on pins 8 and 10; the other one talks to Bluetooth
	case d.Arch == "arm64":
		return "ttyAMA0"
	}
	return "ttyS0"
}

// describe is the image's facts.
func (b *build) describe(kernelSize uint64) *Image {
	d := b.d
	img := &Image{
		Name: d.Name, Arch: d.Arch, ID: b.id, Epoch: b.lock.Epoch, KernelRelease: b.kernel.Release,
		Console: d.consoleDevice(),
		Data:    d.Data != nil, Forwards: d.Forwards, Memory: d.Memory, CPUs: d.CPUs,
		Units: d.Units, Packages: b.packages, Because: b.t.because,
	}
	img.Cmdline = strings.TrimSpace("console=" + img.Console + " " + commandLine + " " + d.Cmdline)
	if d.Data != nil {
		img.DataSize, _ = parseSize(d.Data.Size)
	}
	img.Disk.Firmware = d.Disk.Firmware
	img.Disk.Compress = d.Disk.Compress
	img.Disk.ESP, _ = parseSize(d.Disk.ESP) // both were checked, and may be empty
	img.Disk.Slot, _ = parseSize(d.Disk.Slot)
	img.Version, img.Update = d.Version, d.update()
	for _, f := range b.findings {
		img.Findings = append(img.Findings, f.String())
	}
	for _, u := range b.accounts.users {
		img.Users = append(img.Users, fmt.Sprintf("%s %d %d", u.name, u.uid, u.gid))
	}
	for _, m := range b.early {
		img.Modules = append(img.Modules, strings.TrimSuffix(path.Base(m), ".ko"))
	}
	img.Parts = append([]Part{{Name: "kernel", Bytes: kernelSize, Files: 1}}, b.t.parts()...)
	return img
}

// parts sums the files of each contributor, the largest first.
func (t *Tree) parts() []Part {
	whose := map[string]string{} // who has all files below a folder; "": several
	for p, e := range t.entries {
		for dir := path.Dir(p); dir != "." && !e.Mode.IsDir(); dir = path.Dir(dir) {
			if part, ok := whose[dir]; ok && part != e.Part {
				whose[dir] = ""
			} else {
				whose[dir] = e.Part
			}
		}
	}
	sums := map[string]*Part{}
	for _, p := range t.Paths() {
		e := t.entries[p]
		if e.Mode.IsDir() {
			continue
		}
		if sums[e.Part] == nil {
			sums[e.Part] = &Part{Name: e.Part}
		}
		sum, top := sums[e.Part], "/"+p
		sum.Files++
		sum.Bytes += e.size()
		for dir := path.Dir(p); whose[dir] == e.Part && dir != "."; dir = path.Dir(dir) {
			top = "/" + dir + "/"
		}
		if len(sum.Paths) == 0 || sum.Paths[len(sum.Paths)-1] != top {
			sum.Paths = append(sum.Paths, top)
		}
	}
	var list []Part
	for _, p := range sums {
		list = append(list, *p)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Bytes != list[j].Bytes {
			return list[i].Bytes > list[j].Bytes
		}
		return list[i].Name < list[j].Name
	})
	return list
}

func (e *Entry) size() uint64 {
	if e.Source == "" {
		return uint64(len(e.Data))
	}
	info, err := os.Stat(e.Source)
	if err != nil {
		return 0
	}
	return uint64(info.Size())
}
