// Package disktest boots disks by real firmware, whole and damaged.
package disktest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/slots"
)

// limit bounds every wait.
const limit = 3 * time.Minute

// build makes the image, with overlays, and its disk, with second in slot B.
func build(t *testing.T, second *images.Image, overlays ...string) (*images.Image, string) {
	t.Helper()
	return buildWith(t, second, images.Override{Overlays: overlays})
}

func buildWith(t *testing.T, second *images.Image, o images.Override) (*images.Image, string) {
	t.Helper()
	img := imageWith(t, o)
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{Second: second}); err != nil {
		t.Fatal(err)
	}
	return img, path
}

func image(t *testing.T, overlays ...string) *images.Image {
	t.Helper()
	return imageWith(t, images.Override{Overlays: overlays})
}

func imageWith(t *testing.T, o images.Override) *images.Image {
	t.Helper()
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true, Override: o})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// A system that is new is tried, and stays when it is good.
func TestTrial(t *testing.T) {
	img, path := build(t, image(t))
	trial(t, path)
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made", "slot a: good\n", "slot b is tried, 1 more times after this one; loader: systemd-boot")))
	// The loader has been told: the next boot does not need another one.
	reboot(t, m)
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "this boot: slot b is good")))
	m.MustShell(limit, "clarityctl slots mark-bad b")
	reboot(t, m)
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default", "slot b: bad, 1 made\n", "  why      a person has marked it bad", "latest fall-back: slot b: a person has marked it bad")))
	m.Must(limit, m.Prints("clarityctl slots mark-bad a", qemu.Has("slot a cannot be given up: slot b is bad, and not good")))
	m.MustShell(limit, "clarityctl slots switch")
	reboot(t, m)
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made")))
}

// trial has a disk's next boots try slot B.
func trial(t *testing.T, path string) {
	t.Helper()
	start, err := startOf(path, "clarity-state")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	part := section{f, start}
	r, err := slots.Read(part)
	if r == nil {
		t.Fatal(err)
	}
	next, err := r.Try(slots.B, 2)
	if err == nil {
		err = slots.Write(part, next, r.Seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// section is a partition of the disk in a file.
type section struct {
	*os.File
	start int64
}

func (s section) ReadAt(b []byte, at int64) (int, error)  { return s.File.ReadAt(b, s.start+at) }
func (s section) WriteAt(b []byte, at int64) (int, error) { return s.File.WriteAt(b, s.start+at) }

func reboot(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	m.Must(limit, m.AgentReady())
}

// overwrite damages a partition of a disk.
func overwrite(t *testing.T, path, name string, at int64, b []byte) {
	t.Helper()
	start, err := startOf(path, name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, start+at, b)
}

// write damages a disk.
func write(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// startOf is where a partition of the disk in a file begins, in bytes.
func startOf(path, name string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const sector = 512
	table, err := gpt.Read(file.New(f, true), sector, sector)
	if err != nil {
		return 0, err
	}
	for _, p := range table.Partitions {
		if p.Name == name {
			return int64(p.Start) * sector, nil
		}
	}
	return 0, fmt.Errorf("disk %s has no partition %s", path, name)
}
