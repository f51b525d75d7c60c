package loader

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/slots"
)

func TestRaspberryPi(t *testing.T) {
	dir, flags := t.TempDir(), 0
	r := raspberryPi{
		edit: func(work func(string) error) error { return work(dir) },
		flag: func() error { flags++; return nil },
	}
	read := func(name string) string { b, _ := os.ReadFile(filepath.Join(dir, name)); return string(b) }
	if err := r.Commit(slots.A); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without config.txt: %v", err)
	}
	own := "dtoverlay=mine\n"
	if err := os.WriteFile(filepath.Join(dir, "config.txt"), []byte(Config(slots.A)+own), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do          func(slots.Slot) error
		slot        slots.Slot
		config, try slots.Slot // what the files boot then
		flags       int
	}{
		{r.ArmOnce, slots.B, slots.A, slots.B, 1},
		{r.Commit, slots.B, slots.B, slots.B, 1},
		{r.Commit, slots.B, slots.B, slots.B, 1},
		{r.ArmOnce, slots.A, slots.B, slots.A, 2},
	} {
		if err := step.do(step.slot); err != nil {
			t.Fatal(err)
		}
		if read("config.txt") != Config(step.config)+own || read("tryboot.txt") != Config(step.try)+own || flags != step.flags {
			t.Errorf("after %+v: %d flags, %q, %q", step, flags, read("config.txt"), read("tryboot.txt"))
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.txt"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(slots.A); err == nil || !strings.Contains(err.Error(), "no line os_prefix=") {
		t.Error(err)
	}
}

func TestFindRaspberryPi(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compatible")
	for text, want := range map[string]bool{"raspberrypi,4-model-b\x00brcm,bcm2711\x00": true, "linux,dummy-virt\x00": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := findRaspberryPi(file, "/dev/mmcblk0p1"); (got != nil) != want {
			t.Errorf("%q is %v", text, got)
		}
	}
}
