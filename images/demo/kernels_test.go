package demo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
)

// TestKernels boots the same definition on the other kernels and architectures
// that ClarityOS is for.
func TestKernels(t *testing.T) {
	t.Run("Debian 12", func(t *testing.T) {
		onKernel(t, images.Override{Kernel: "debian:bookworm-cloud"}, "6.1.", "Software Watchdog, 30s")
	})
	t.Run("arm64", func(t *testing.T) {
		onKernel(t, images.Override{Arch: "arm64"}, "6.12.", "Software Watchdog, 30s")
	})
}

// onKernel builds and boots the demo, and talks to its daemons.
func onKernel(t *testing.T, override images.Override, release, watchdog string) {
	key := newKey(t)
	img := build(t, override, key)
	if !strings.HasPrefix(img.KernelRelease, release) {
		t.Errorf("the kernel is %s, want %s*", img.KernelRelease, release)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	d := boot(t, img, key, disk)
	if got := strings.TrimSpace(d.login("uname -r")); got != img.KernelRelease {
		t.Errorf("it runs %s, want %s", got, img.KernelRelease)
	}
	outside(d)
	d.killedAtOnce()
	d.watchedBy(watchdog)
	d.powerOff()
	clean(t, disk)
}

// killedAtOnce kills a whole cgroup: what is started in its place lives, whatever
// the kernel does to what is born in one that was killed.
func (d demo) killedAtOnce() {
	before := d.unit("hello.service")
	if out, code := d.ctl("kill", "-s", "KILL", "hello"); code != 0 {
		d.Fatalf("kill: %s", out)
	}
	d.Must(limit, d.restarted(before))
	d.serves()
	if after := d.unit("hello.service"); after.Restarts != before.Restarts+1 || after.Active != "active" {
		d.Errorf("killed once, hello.service was restarted %d times and is %s", after.Restarts-before.Restarts, after.Active)
	}
}
