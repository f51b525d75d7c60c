package disktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"clarityos/qemu"
	"clarityos/qemu/blocklog"
)

// TestPowerCut boots from disks whose power was cut, at places that are spread over all writes
// of a first boot that tries a slot, marks it good and grows /var; every other one tears the
// last sector.
func TestPowerCut(t *testing.T) {
	img, base := build(t, image(t))
	if err := os.Truncate(base, 1<<30); err != nil {
		t.Fatal(err)
	}
	trial(t, base)
	dir := t.TempDir()
	disk, log := filepath.Join(dir, "disk"), filepath.Join(dir, "log")
	duplicate(t, base, disk)
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: disk, BootLog: log})
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default")))
	m.MustShell(limit, "clarityctl slots mark-bad a; echo kept >/etc/kept; sync")
	m.CutPower()
	<-m.Off()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := blocklog.Read(f)
	if err != nil || len(l.Writes) < cuts {
		t.Fatalf("%d writes, %v", len(l.Writes), err)
	}
	for i := range cuts {
		n := i * len(l.Writes) / (cuts - 1)
		t.Run(fmt.Sprintf("before write %d of %d", n, len(l.Writes)), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			duplicate(t, base, path)
			d, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			cut := blocklog.Cut{Whole: n}
			if i%2 == 1 {
				cut = l.Torn(n)
			}
			if err := errors.Join(l.Replay(d, cut), d.Close()); err != nil {
				t.Fatal(err)
			}
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default")))
			m.MustShell(limit, "clarityctl wait --timeout 60s")
		})
	}
}

// duplicate copies a disk, with its holes.
func duplicate(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v: %s", from, err, out)
	}
}
