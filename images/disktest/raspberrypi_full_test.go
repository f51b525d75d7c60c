//go:build full

package disktest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/update/loader"
	"clarityos/update/slots"
)

// QEMU's model 3, which has none of the firmware, boots kernel and root from a card. Its
// watchdog resets the machine when it is started, and is left out.
func TestRaspberryPi3(t *testing.T) {
	pi := images.Override{Arch: "arm64", Overlays: []string{"raspberrypi.toml"}}
	_, disk := buildWith(t, nil, pi)
	if err := os.Truncate(disk, 1<<30); err != nil { // a card's size is a power of two there
		t.Fatal(err)
	}
	dir := t.TempDir()
	mtool(t, disk, "mcopy", "-s", "-n", "::"+loader.Entry(slots.A), dir)
	file := func(name string) string { return filepath.Join(dir, loader.Entry(slots.A), name) }
	words, err := os.ReadFile(file("cmdline.txt"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-no-reboot", "-drive", "if=sd,format=raw,file="+disk,
		"-kernel", file("vmlinuz"), "-initrd", file("initrd"), "-dtb", file("bcm2837-rpi-3-b.dtb"),
		"-append", strings.TrimSpace(string(words))+" module_blacklist=bcm2835_wdt", "-serial", "null", "-serial", "stdio")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	complete := false
	for lines := bufio.NewScanner(out); !complete && lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		complete = strings.Contains(lines.Text(), "boot complete after")
	}
	cancel()
	_ = c.Wait() // it was killed, or has said why it ended
	for _, want := range []string{"stage 1: slot a is good", "hello.service is up", "boot complete after"} {
		if !strings.Contains(said.String(), want) {
			t.Fatalf("it does not say %q:\n%s", want, said.String())
		}
	}
}

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
		if c := read(path.Join(in, "cmdline.txt")); strings.Count(c, "\n") != 1 || !strings.Contains(c, " clarity.slot="+s.String()+" clarity.root=") || !strings.Contains(c, " clarity.state=") {
			t.Errorf("the command line of slot %v is %q", s, c)
		}
		if read(path.Join(in, "initrd")) == "" {
			t.Errorf("slot %v has no initramfs", s)
		}
	}
}
