package main_test

import (
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
	qemu.FlipBit(t, img, plan.Path)
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(2*limit, tm.AgentReady())
	m := machine{tm, t}
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	m.becomes("steady.service", "active")
	if text := m.MustShell(limit, "clarityctl status"); !strings.Contains(text, plan.Path+" cannot be used (plan is damaged: checksum") || !strings.Contains(text, plan.Spare+" is") {
		t.Error(text)
	}
}
