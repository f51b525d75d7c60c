//go:build full

package updatetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/medium"
)

// A machine whose image says so takes newer versions by itself and restarts into them, but not
// while work goes on that is not to be interrupted: one from a web server, and one from a medium
// that is plugged in once there is no web server any more.
func TestEvolution(t *testing.T) {
	const itself = "policy = \"restart\"\nmedia = true\nevery = \"1m\"\n"
	p := newPublisher(t)
	first, second, third := p.imageOf(t, "1.0.0", itself), p.imageOf(t, "1.1.0", itself), p.imageOf(t, "1.2.0", itself)
	path := filepath.Join(t.TempDir(), "disk")
	if err := first.WriteDisk(t.Context(), path, images.DiskOptions{}); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: first, BootDisk: path, NoReboot: true})
	m.Must(patience, m.AgentReady())
	m.MustShell(limit, "clarityctl inhibit --why 'a long calculation' sleep 100000 >/dev/null 2>&1 & echo $! >/run/calculation")
	p.offer(t, second)
	m.Must(patience, m.Prints("clarityctl update status", qemu.Has("1.1.0 is in slot b; the machine does not restart yet: not to be interrupted", "a long calculation")))
	m.Must(limit, m.Prints("clarityctl reboot 2>&1", qemu.Has("a long calculation", "--force does not wait for it")))
	m.Must(limit, m.Prints("cat /usr/share/hello", qemu.Has("this is 1.0.0")))
	m.MustShell(limit, "kill $(pidof sleep)")
	comesBack(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.1.0 after 1.0.0", "evolution agent")))
	m.Must(limit, m.Prints("clarityctl restarts", qemu.Has("update to 1.1.0")))

	p.offer(t, third)
	p.Close()
	m.Must(patience, m.Prints("clarityctl update status", qemu.Has("the evolution agent has looked", "and failed")))
	stick, top := filepath.Join(t.TempDir(), "stick"), t.TempDir()
	if err := os.CopyFS(filepath.Join(top, medium.Repository), os.DirFS(p.Dir)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", top, stick, "256M").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	plugged, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.PlugIn(plugged, stick); err != nil {
		t.Fatal(err)
	}
	comesBack(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.2.0 after 1.1.0", "from medium")))
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.2.0", "slot a: good, runs, default")))
}

// comesBack waits until a machine has gone off by itself, and switches it on again.
func comesBack(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	m.Must(patience, m.PoweredOff())
	if err := errors.Join(m.Ending(), m.PowerOn()); err != nil {
		t.Fatal(err)
	}
}
