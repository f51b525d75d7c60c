package demo_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/supervisor"
)

// TestDemo boots the demo on the kernel of Debian 13, on one disk, through
// reboots, power cuts and a disk that grows.
func TestDemo(t *testing.T) {
	key := newKey(t)
	img := build(t, images.Override{}, key)
	disk := filepath.Join(t.TempDir(), "disk")
	d := boot(t, img, key, disk)
	machineID := d.MustShell(limit, "cat /etc/machine-id")

	d.sub("daemons answer from outside", outside)
	d.sub("clarityctl", commands)
	d.sub("others than root", others)
	d.sub("kill -9 of each process", kills)
	d.sub("kill -9 of the log component", killLog)
	d.sub("a reboot keeps what is on the disk", func(d demo) {
		d.redis("SET boot first")
		d.reboot()
		if got := d.redis("GET boot"); got != "first" {
			d.Errorf("Redis has %q", got)
		}
	})
	d.sub("a power cut keeps what Redis has synced", func(d demo) {
		// appendfsync everysec: the second answer comes once it is on the disk.
		if got := d.redis("SET boot second", fmt.Sprintf("WAITAOF 1 0 %d", limit.Milliseconds())); got != "OK\n1 0" {
			d.Fatalf("Redis says %q", got)
		}
		d.CutPower()
		d.powerOn()
		if got := d.redis("GET boot"); got != "second" {
			d.Errorf("Redis has %q", got)
		}
	})
	d.sub("a disk that grew", func(d demo) {
		before := d.size("/var")
		d.powerOff()
		clean(d.T, disk)
		if err := qemu.PrepareDisk(disk, 2*img.DataSize); err != nil {
			d.Fatal(err)
		}
		d.powerOn()
		if after := d.size("/var"); after < before*19/10 {
			d.Errorf("/var had %d blocks and has %d, with a disk of twice the size", before, after)
		}
		if got := d.redis("GET boot"); got != "second" {
			d.Errorf("Redis has %q", got)
		}
	})
	d.sub("who it is stays", func(d demo) {
		if got := d.MustShell(limit, "cat /etc/machine-id"); got != machineID || len(got) != 33 {
			d.Errorf("the machine id was %q and is %q", machineID, got)
		}
		d.login("true") // it knows the host key of the first boot
	})
	d.sub("a PID 1 that stands still", func(d demo) {
		before, err := d.BootID(d.T.Context())
		if err != nil {
			d.Fatal(err)
		}
		d.watchedBy("i6300ESB timer, 30s")
		d.MustShell(limit, "echo 1 > /sys/fs/cgroup/init.scope/cgroup.freeze")
		d.Must(bootLimit, d.NextBoot(before))
		if n := d.WatchdogFired(); n != 1 {
			d.Errorf("the watchdog fired %d times", n)
		}
		d.complete()
		d.powerOff()
		clean(d.T, disk)
	})
}

// outside talks to each daemon over the network.
func outside(d demo) {
	if got := d.redis("SET colour blue", "GET colour"); got != "OK\nblue" {
		d.Errorf("Redis says %q", got)
	}
	if got := d.page(nginxPort, "/"); !strings.Contains(got, "nginx from Debian, started by ClarityOS") {
		d.Errorf("nginx: %s", got)
	}
	if got := d.page(helloPort, "/"); got != "hello from ClarityOS\n" {
		d.Errorf("hello: %q", got)
	}
	if got := d.login("hostname; id -u"); got != "demo\n0\n" {
		d.Errorf("ssh: %q", got)
	}
	if got := d.MustShell(limit, "chronyc tracking"); !strings.Contains(got, "Leap status") {
		d.Errorf("chronyc tracking: %s", got)
	}
	if got := d.MustShell(limit, "cat /proc/mounts"); !strings.Contains(got, " /var ext4 rw,") {
		d.Errorf("/var is not on the data disk:\n%s", got)
	}
	// The mount fails, but not before the kernel has asked for its module.
	d.MustShell(limit, "mount -t squashfs /dev/null /mnt; grep squashfs /proc/filesystems")
	for _, u := range d.units() {
		if u.Name == "clarity-slots.service" && u.Result == supervisor.Unmet {
			continue // it has no place on a machine without slots
		}
		if u.Enabled && u.Active != "active" {
			d.Errorf("%s is %s: %s", u.Name, u.Active, u.Cause)
		}
	}
}

// watchedBy waits for PID 1 to have the watchdog, whose driver may be a module.
func (d demo) watchedBy(watchdog string) {
	d.Helper()
	d.Must(limit, d.Succeeds("clarityctl status | grep '^watchdog "+watchdog+"$'"))
}

// size is that of a file system, in blocks.
func (d demo) size(path string) (blocks int) {
	d.Helper()
	for line := range strings.Lines(d.MustShell(limit, "df")) {
		f := strings.Fields(line)
		if n := len(f); n > 4 && f[n-1] == path {
			if _, err := fmt.Sscan(f[n-5], &blocks); err != nil {
				d.Fatalf("df: %v: %s", err, line)
			}
			return blocks
		}
	}
	d.Fatalf("df does not tell of %s", path)
	return 0
}

// clean checks that the file system in the file was unmounted in good order and
// has no errors.
func clean(t *testing.T, disk string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	program, err := exec.LookPath("e2fsck")
	if err != nil {
		program = "/usr/sbin/e2fsck" // not in everybody's PATH
	}
	// Without -f a file system that was left mounted is looked at as well: it
	// says "recovering journal" or "was not cleanly unmounted".
	for _, flags := range []string{"-n", "-fn"} {
		out, err := exec.CommandContext(ctx, program, flags, disk).CombinedOutput()
		if err != nil || flags == "-n" && !strings.Contains(string(out), ": clean,") {
			t.Errorf("e2fsck %s: %v\n%s", flags, err, out)
		}
	}
}
