//go:build full

package disktest

import (
	"slices"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/loader"
	"clarityos/update/slots"
)

var forUBoot = images.Override{Arch: "arm64", Overlays: []string{"uboot.toml"}}

// U-Boot boots the slot that it was asked for once, and then the one that is good.
func TestUBoot(t *testing.T) {
	img, path := buildWith(t, imageWith(t, forUBoot), forUBoot)
	whole(t, path)
	trial(t, path)
	has := func(slot, once slots.Slot) {
		t.Helper()
		v := state(t, path)
		defer v.Close()
		if s, o, err := loader.ReadUBoot(v); err != nil || s != slot || o != once {
			t.Fatalf("U-Boot is asked for slot %v and once for %v, %v", s, o, err)
		}
	}
	has(slots.A, slots.None)
	if r, text := report(t, path); !slices.Equal(r.UBoot, []string{"clarity_slot=a"}) {
		t.Errorf("its report is\n%s", text)
	}
	v := state(t, path)
	if err := loader.WriteUBoot(v, slots.A, slots.B); err != nil {
		t.Fatal(err)
	}
	v.Close()
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: qemu.UBoot})
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made", "slot b is tried, 1 more times after this one; loader: U-Boot")))
	booted := func(want ...string) {
		t.Helper()
		var got []string
		for line := range strings.Lines(m.Console().Tail(10000)) {
			if _, said, is := strings.Cut(line, "clarity: "); is {
				got = append(got, strings.TrimSpace(said))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("U-Boot's script says %q, wanted %q", got, want)
		}
	}
	booted("slot b, once", "booting slot b")
	has(slots.B, slots.None)
	reboot(t, m)
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made", "this boot: slot b is good; loader: U-Boot")))
	m.MustShell(limit, "clarityctl slots mark-bad b")
	reboot(t, m)
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default", "this boot: slot a is good; loader: U-Boot")))
}

// What is broken is left under U-Boot too, but for a kernel that hangs: Debian's cloud kernel
// for arm64 has no watchdog that could end it. One that panics was tried by kexec.
func TestUBootBroken(t *testing.T) {
	for _, name := range []string{"a unit that fails", "an init that ends", "a kernel that panics", "a kernel that is none", "no boot entry", "a root that is no file system"} {
		t.Run(name, func(t *testing.T) {
			brokenSlots[name].isLeft(t, forUBoot, qemu.UBoot)
		})
	}
	c := brokenSlot{damage: removed(loader.Entry(slots.B) + "/boot.env"), reason: altered}
	t.Run("no command line", func(t *testing.T) {
		c.isLeft(t, forUBoot, qemu.UBoot)
	})
}

// What U-Boot cannot read, it does without.
func TestUBootDamaged(t *testing.T) {
	img, path := buildWith(t, imageWith(t, forUBoot), forUBoot)
	overwrite(t, path, "clarity-state", loader.UBootAt, []byte(strings.Repeat("garbage=\xff", 50)))
	mtool(t, path, "mdel", "::"+loader.Entry(slots.A)+"/vmlinuz")
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: qemu.UBoot})
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "slot a: bad", "loader: none")))
}
