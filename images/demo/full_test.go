//go:build full

package demo_test

import (
	"testing"

	"clarityos/images"
)

// TestNextKernel boots the demo on the kernel of the next Debian.
func TestNextKernel(t *testing.T) {
	onKernel(t, images.Override{Kernel: "debian:forky-cloud"}, "7.", "i6300ESB timer, 30s")
}
