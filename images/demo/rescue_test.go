package demo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
)

// TestRescue flips one bit of the plan: PID 1 starts nothing by it, says why and
// gives a shell. The shell's end restarts the machine.
func TestRescue(t *testing.T) {
	img := build(t, images.Override{}, newKey(t))
	damage(t, img)
	m := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	m.Must(bootLimit, m.ConsoleLine(`The boot cannot go on: the plan /usr/lib/clarity/plan cannot be used: .*checksum`))
	m.Must(bootLimit, m.ConsoleLine(`^rescue# `))
	typed(t, m, "clarityctl status\r")
	m.Must(limit, m.ConsoleLine(`^note     the boot cannot go on: the plan /usr/lib/clarity/plan cannot be used`))
	typed(t, m, "exit\r")
	m.Must(limit, m.PoweredOff())
}

// damage flips a bit of the plan in the image: a second archive after the first
// has the file again.
func damage(t *testing.T, img *images.Image) {
	t.Helper()
	const path = "/usr/lib/clarity/plan"
	var plan bytes.Buffer
	if err := img.Cat(&plan, []string{path}); err != nil {
		t.Fatal(err)
	}
	plan.Bytes()[plan.Len()/2] ^= 1
	tree := images.NewTree()
	if err := tree.File("test", images.RankOwn, path, 0o644, plan.Bytes()); err != nil {
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
	img.Initramfs = filepath.Join(t.TempDir(), "damaged")
	if err := os.WriteFile(img.Initramfs, whole.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func typed(t *testing.T, m *qemu.TestMachine, text string) {
	t.Helper()
	if err := m.Type([]byte(text)); err != nil {
		t.Fatal(err)
	}
}
