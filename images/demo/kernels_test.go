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
	for name, test := range map[string]struct {
		override images.Override
		release  string
		watchdog string
	}{
		"Debian 12": {images.Override{Kernel: "debian:bookworm-cloud"}, "6.1.", "Software Watchdog, 30s"},
		"arm64":     {images.Override{Arch: "arm64"}, "6.12.", "Software Watchdog, 30s"},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			img := build(t, test.override, key)
			if !strings.HasPrefix(img.KernelRelease, test.release) {
				t.Errorf("the kernel is %s, want %s*", img.KernelRelease, test.release)
			}
			disk := filepath.Join(t.TempDir(), "disk")
			d := boot(t, img, key, disk)
			if got := strings.TrimSpace(d.login("uname -r")); got != img.KernelRelease {
				t.Errorf("it runs %s, want %s", got, img.KernelRelease)
			}
			outside(d)
			d.watchedBy(test.watchdog)
			d.powerOff()
			clean(t, disk)
		})
	}
}
