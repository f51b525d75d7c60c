// Package disktest boots disks by real firmware, whole and damaged.
package disktest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"clarityos/images"
	"clarityos/images/flash"
	"clarityos/qemu"
	"clarityos/update/slots"
)

// limit bounds every wait.
const limit = 3 * time.Minute

// patience is for several boots, and a watchdog or a unit that takes its time.
const patience = 3 * limit

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
	whole(t, path)
	flashed := filepath.Join(t.TempDir(), "flashed")
	if err := os.WriteFile(flashed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(flashed, 2<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := flash.Flash(t.Context(), path, flashed, flash.Options{}); err != nil {
		t.Fatal(err)
	}
	if r, err := images.InspectDisk(flashed); err != nil || len(r.Problems) > 0 {
		t.Errorf("flashed, it has %q, %v", r.Problems, err)
	}
	path = flashed
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

// whole holds that programs of others find nothing wrong with a disk, and that its report
// tells what is on it.
func whole(t *testing.T, path string) {
	t.Helper()
	r, text := report(t, path)
	if len(r.Problems) > 0 || len(r.Partitions) != 7 || len(r.Entries) != 2 || len(r.Roots) != 2 || !strings.Contains(text, "slot a: good, default") {
		t.Errorf("it is not as it was written:\n%s", text)
	}
	run := func(want string, program string, args ...string) {
		t.Helper()
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s %q: %v, wanted %q: %s", program, args, err, want, out)
		}
	}
	run("No problems found", "sgdisk", "-v", path)
	dir := t.TempDir()
	for _, p := range r.Partitions {
		if err := cut(path, filepath.Join(dir, p.Name), p.Start, p.Bytes); err != nil {
			t.Fatal(err)
		}
	}
	run("", "fsck.fat", "-n", filepath.Join(dir, "esp"))
	for _, root := range r.Roots {
		run("", "fsck.erofs", filepath.Join(dir, "root-"+root.Slot))
		run("", "veritysetup", "verify", filepath.Join(dir, "root-"+root.Slot), filepath.Join(dir, "verity-"+root.Slot), root.Root)
	}
}

// report is what `clarity inspect` says of a disk, and its text.
func report(t *testing.T, path string) (*images.DiskReport, string) {
	t.Helper()
	r, err := images.InspectDisk(path)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	return r, text.String()
}

// cut copies a part of a file.
func cut(from, to string, at, size int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, io.NewSectionReader(f, at, size)); err != nil {
		return err
	}
	return out.Close()
}

// trial has a disk's next boots try slot B.
func trial(t *testing.T, path string) {
	t.Helper()
	change(t, path, func(r *slots.Record) (*slots.Record, error) { return r.Try(slots.B, 2) })
}

// change changes a disk's record of slots.
func change(t *testing.T, path string, to func(*slots.Record) (*slots.Record, error)) {
	t.Helper()
	part := state(t, path)
	defer part.Close()
	r, err := slots.Read(part)
	if r == nil {
		t.Fatal(err)
	}
	next, err := to(r)
	if err == nil {
		err = slots.Write(part, next, r.Seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// state is the partition with a disk's record of slots, which the caller closes.
func state(t *testing.T, path string) section {
	t.Helper()
	start, err := startOf(path, "clarity-state")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return section{f, start}
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

// powerOff ends a machine in good order, with all that it has written on its disk.
func powerOff(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.PowerOff(ctx); err != nil {
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
