//go:build full

package learntest

import (
	"testing"

	"clarityos/images"
)

// TestNextKernel is on the kernel of the next Debian.
func TestNextKernel(t *testing.T) {
	further(learns(t, images.Override{Kernel: "debian:forky-cloud"}, "7."))
}

// further is what is done on kernels besides the one that images have by default.
func further(m machine) { attacked(m) }
