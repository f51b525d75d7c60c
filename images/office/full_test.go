//go:build full

package office

import (
	"testing"

	"clarityos/images"
)

// TestMoreKernels is on the kernel of the next Debian, and on another processor.
func TestMoreKernels(t *testing.T) {
	t.Run("next", func(t *testing.T) { learns(t, images.Override{Kernel: "debian:forky-cloud"}, "7.") })
	t.Run("arm64", func(t *testing.T) { learns(t, images.Override{Arch: "arm64"}, "6.12.") })
}
