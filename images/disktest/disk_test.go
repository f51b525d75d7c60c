//go:build full

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

// build makes the image and its disk.
func build(t *testing.T) (*images.Image, string) {
	t.Helper()
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	return img, path
}

func TestBoot(t *testing.T) {
	img, path := build(t)
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	m.Must(limit, m.Prints("cat /run/clarity/slot", qemu.Has(`"slot":"a"`, `"reason":"slot a is good"`, `"worse":false`)))
	m.Must(limit, m.Prints("cat /proc/mounts", qemu.Has("/dev/dm-0 / erofs ro,", " /var ext4 rw,", "overlay /etc overlay rw,")))
	m.Must(limit, m.Prints("clarityctl logs -u hello", qemu.Has("hello")))
	m.MustShell(limit, "echo kept >/var/kept; echo gone >/etc/gone; sync")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "test $(cat /var/kept) = kept && ! test -e /etc/gone")
}

// Without a record the loader's slot is booted, by the hash in its entry.
func TestNoRecord(t *testing.T) {
	img, path := build(t)
	overwrite(t, path, "clarity-state", slots.Offsets[0], make([]byte, slots.Size))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("cat /run/clarity/slot", qemu.Has("there is no record of slots; slot a is what the loader has booted")))
}

// A root that is not what its hash says is not mounted. Here there is no other one.
func TestCorruptRoot(t *testing.T) {
	img, path := build(t)
	overwrite(t, path, "root-a", 1024, []byte("no erofs"))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.ConsoleLine("stage 1: slot a: mount root-a as the root: .*; the machine restarts in 20s"))
}

// overwrite damages a partition of a disk.
func overwrite(t *testing.T, path, name string, at int64, b []byte) {
	t.Helper()
	start, err := startOf(path, name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, start+at); err != nil {
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
