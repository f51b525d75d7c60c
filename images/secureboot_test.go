package images

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestSecureBootRefused(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	secure := &SecureBoot{Key: none, Certificate: none}
	if err := (&Image{Arch: "amd64"}).WriteDisk(t.Context(), none, DiskOptions{SecureBoot: secure}); err == nil || !strings.Contains(err.Error(), "give --key") {
		t.Errorf("roots that are not signed: %v", err)
	}
	if _, err := secure.sign(t.Context(), []byte("MZ"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "with key "+none) && !strings.Contains(err.Error(), "sbsigntool") {
		t.Errorf("a key that is not there: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := secure.sign(t.Context(), []byte("MZ"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "sbsigntool") {
		t.Errorf("without sbsign: %v", err)
	}
}
