//go:build full

package disktest

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/update/loader"
	"clarityos/update/slots"
)

// A card has what the firmware of a Raspberry Pi looks for, where it does, for both slots.
func TestRaspberryPi(t *testing.T) {
	pi := images.Override{Arch: "arm64", Overlays: []string{"raspberrypi.toml"}}
	_, disk := buildWith(t, imageWith(t, pi), pi)
	r, err := images.InspectDisk(disk)
	if err != nil || len(r.Problems) > 0 || len(r.Roots) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	dir := t.TempDir()
	mtool(t, disk, "mcopy", "-s", "-n", "::", dir)
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	if got := read(loader.RaspberryPiConfig); got != loader.Config(slots.A) {
		t.Errorf("config.txt is %q", got)
	}
	for _, f := range []string{"bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat"} {
		if read(f) == "" {
			t.Errorf("%s is empty", f)
		}
	}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		in := loader.Entry(s)
		// An Image of arm64 has its magic at 56 (Documentation/arch/arm64/booting.rst), and a
		// device tree begins with 0xd00dfeed: what is compressed, the firmware cannot start.
		if k := read(path.Join(in, "vmlinuz")); len(k) < 60 || k[56:60] != "ARM\x64" {
			t.Errorf("the kernel of slot %v is no Image", s)
		}
		for _, model := range []string{"bcm2837-rpi-3-b", "bcm2711-rpi-4-b"} {
			if d := read(path.Join(in, model+".dtb")); !strings.HasPrefix(d, "\xd0\x0d\xfe\xed") {
				t.Errorf("%s of slot %v is no device tree", model, s)
			}
		}
		if c := read(path.Join(in, "cmdline.txt")); strings.Count(c, "\n") != 1 || !strings.Contains(c, "clarity.slot="+s.String()+" clarity.state=") || !strings.Contains(c, "clarity.root=") {
			t.Errorf("the command line of slot %v is %q", s, c)
		}
		if read(path.Join(in, "initrd")) == "" {
			t.Errorf("slot %v has no initramfs", s)
		}
	}
}
