//go:build full

package office

import (
	"testing"

	"clarityos/images"
)

// TestNextKernel is on the kernel of the next Debian.
func TestNextKernel(t *testing.T) {
	learns(t, images.Override{Kernel: "debian:forky-cloud"}, "7.")
}
