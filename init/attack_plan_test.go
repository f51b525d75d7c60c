package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/plan"
)

// TestPlanFallsBack boots an image whose plan has one bit flipped: PID 1 uses the
// copy, starts everything by it, and says so.
func TestPlanFallsBack(t *testing.T) {
	img, _, err := images.Build(t.Context(), "testdata/clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	flip(t, img, plan.Path)
	tm := qemu.ForTest(t, qemu.Config{Image: img})
	tm.Must(2*limit, tm.AgentReady())
	m := machine{tm, t}
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	m.becomes("steady.service", "active")
	if text := m.MustShell(limit, "clarityctl status"); !strings.Contains(text, plan.Path+" cannot be used (plan is damaged: checksum") || !strings.Contains(text, plan.Spare+" is") {
		t.Error(text)
	}
}

// flip changes a bit of a file of an image: a further archive has it again.
func flip(t *testing.T, img *images.Image, path string) {
	t.Helper()
	var content bytes.Buffer
	if err := img.Cat(&content, []string{path}); err != nil {
		t.Fatal(err)
	}
	content.Bytes()[content.Len()/2] ^= 1
	tree := images.NewTree()
	if err := tree.File("test", images.RankOwn, path, 0o644, content.Bytes()); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(img.Initramfs)
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.NewBuffer(append(archive, make([]byte, -len(archive)&3)...)) // archives begin at multiples of 4
	if err := tree.WriteNewc(whole, img.Epoch); err != nil {
		t.Fatal(err)
	}
	img.Initramfs = filepath.Join(t.TempDir(), "flipped")
	if err := os.WriteFile(img.Initramfs, whole.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
