//go:build full

package office

import (
	"testing"

	"clarityos/images"
)

func TestKernels(t *testing.T) {
	t.Run("Debian 12", func(t *testing.T) { learns(t, images.Override{Kernel: "debian:bookworm-cloud"}, "6.1.") })
	t.Run("Debian 14", func(t *testing.T) { learns(t, images.Override{Kernel: "debian:forky-cloud"}, "7.") })
	t.Run("arm64", func(t *testing.T) { learns(t, images.Override{Arch: "arm64"}, "6.12.") })
}
