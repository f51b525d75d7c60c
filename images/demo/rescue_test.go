package demo_test

import (
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/plan"
)

// TestRescue flips one bit of the plan and of its copy: PID 1 starts nothing by
// them, says why and gives a shell. The shell's end restarts the machine.
func TestRescue(t *testing.T) {
	img := build(t, images.Override{}, newKey(t))
	qemu.FlipBit(t, img, plan.Path, plan.Spare)
	m := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	m.Must(bootLimit, m.ConsoleLine(`The boot cannot go on: the plan /usr/lib/clarity/plan cannot be used: .*checksum`))
	m.Must(bootLimit, m.ConsoleLine(`^rescue# `))
	typed(t, m, "clarityctl status\r")
	m.Must(limit, m.ConsoleLine(`^note     the boot cannot go on: the plan /usr/lib/clarity/plan cannot be used`))
	typed(t, m, "exit\r")
	m.Must(limit, m.PoweredOff())
}

// TestRescueReport boots to a target that cannot be reached: the shell opens with
// what failed, why, what it said last and what to type next, and that works.
func TestRescueReport(t *testing.T) {
	img := tiny(t, "lost.toml")
	m := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	for _, line := range []string{
		`^The boot cannot go on: default.target was not reached: it requires needed.service, which failed`,
		`^These units failed:`,
		`^  needed.service is failed for .*: /bin/sh exited with status 7 \(exit-code\); pulled in by default.target`,
		`^  because of it: default.target failed`,
		`^    \| the disk has no partition table`,
		`^What to type next:`,
		`^  clarityctl start needed.service +try it again`,
		`^  exit +restart the machine`,
		`^rescue# `,
	} {
		m.Must(bootLimit, m.ConsoleLine(line))
	}
	typed(t, m, "clarityctl why needed.service\r")
	m.Must(limit, m.ConsoleLine("^next: `clarityctl start needed.service` tries again"))
	typed(t, m, "exit\r")
	m.Must(limit, m.PoweredOff())
}

func typed(t *testing.T, m *qemu.TestMachine, text string) {
	t.Helper()
	if err := m.Type([]byte(text)); err != nil {
		t.Fatal(err)
	}
}
