//go:build full

package disktest

import (
	"bytes"
	"os/exec"
	"testing"

	"clarityos/qemu"
	"clarityos/update/slots/bootdisk"
)

const onDisk = "grep -q ' /var ext4 rw' /proc/mounts && clarityctl wait --timeout 60s"

// A /var that cannot be used gives a boot without it, which says so, and an empty one when a
// person wants that.
func TestNoVar(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, path string)
		says   string
	}{
		"no partition":                 {func(t *testing.T, path string) { run(t, "sgdisk", "-d", "7", path) }, "has no partition clarity-var; /var is in memory"},
		"no file system":               {overwritten(bootdisk.Var, 0, bytes.Repeat([]byte("garbage "), 8<<10)), "has no file system that can be read; /var is in memory"},
		"a file system that is broken": {overwritten(bootdisk.Var, 4096, bytes.Repeat([]byte("garbage "), 128<<10)), "/var is in memory; repair it by hand"}, // all but the first superblock
	} {
		t.Run(name, func(t *testing.T) {
			img, path := build(t, nil)
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
			m.Must(limit, m.AgentReady())
			m.MustShell(limit, onDisk)
			powerOff(t, m)
			c.damage(t, path)
			m = qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
			m.Must(limit, m.AgentReady())
			m.Must(limit, m.Prints("clarityctl logs -b -u clarity-setup", qemu.Has(c.says, "`clarityctl factory-reset --recreate` makes an empty one")))
			m.Must(limit, m.Prints("clarityctl status", qemu.Has("default.target reached", "clarity-setup.service")))
			m.Must(limit, m.Prints("clarityctl logs -u hello", qemu.Has("hello")))
			m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default")))
			m.MustShell(limit, "clarityctl factory-reset --recreate")
			reboot(t, m)
			m.MustShell(limit, onDisk)
			m.Must(limit, m.Prints("clarityctl factory-reset --recreate 2>&1", qemu.Has("/var is on the disk")))
			m.MustShell(limit, "echo kept >/var/kept")
			reboot(t, m)
			m.MustShell(limit, onDisk+" && test $(cat /var/kept) = kept")
		})
	}
}

// A /var that is full is used all the same, and can be emptied.
func TestFullVar(t *testing.T) {
	img, path := build(t, nil)
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, onDisk+"; echo kept >/etc/kept; cat /dev/zero >/var/much; n=0; while echo more >/var/more$n; do n=$((n+1)); done; sync")
	reboot(t, m)
	m.MustShell(limit, "grep -q ' /var ext4 rw' /proc/mounts && test $(cat /etc/kept) = kept && test -e /var/much")
	m.Must(limit, m.Prints("clarityctl logs -b -u clarity-setup", qemu.Has("no space left on device")))
	m.Must(limit, m.Prints("clarityctl logs -u hello", qemu.Has("hello")))
	m.MustShell(limit, "clarityctl factory-reset")
	reboot(t, m)
	m.MustShell(limit, onDisk+"; ! test -e /var/much && echo room >/var/room")
}

// A disk that cannot be written is booted, with what it has; what is written is in memory.
func TestReadOnlyDisk(t *testing.T) {
	img, path := build(t, nil)
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, onDisk+"; echo kept >/var/kept; echo kept >/etc/kept")
	powerOff(t, m)
	m = qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootReadOnly: true, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("clarityctl logs -b -u clarity-setup", qemu.Has("cannot be written: what is written to /var is gone with this boot")))
	m.MustShell(limit, "clarityctl wait --timeout 60s; test $(cat /var/kept) = kept -a $(cat /etc/kept) = kept && echo new >/var/new && echo new >/etc/new")
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default")))
	m.Must(limit, m.Prints("clarityctl slots mark-good 2>&1; echo it ends with $?", qemu.Has("of the record of slots", "it ends with 1")))
}

// run runs a program that must succeed.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
}
