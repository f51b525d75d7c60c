//go:build full

package updatetest

import (
	"testing"

	"clarityos/qemu"
)

// State that a version has migrated comes back as it was when that version is left, and stays
// migrated when it is good.
func TestState(t *testing.T) {
	const migrates = "schema = 2\nreads = 1\nmigrates = [\"/var/lib/app\"]"
	p := newPublisher(t)
	m := machine(t, p.imageOf(t, "1.0.0", "schema = 1\nreads = 1", "app.toml"))
	m.MustShell(limit, "grep -q 'written by 1' /var/lib/app/data && echo older >/var/lib/app/old && sync")
	p.offer(t, p.imageOf(t, "1.1.0", migrates, "migrates.toml", "fails.toml"))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.1.0 is in slot b")))
	restart(t, m)
	m.Must(2*patience, m.Prints("clarityctl update history", qemu.Has("left      1.1.0 after 1.0.0", "broken.service has failed")))
	m.Must(limit, m.Prints("cat /var/lib/app/data /var/lib/app/old; clarityctl backup list", qemu.Has("written by 1", "older", "1.1.0")))
	p.offer(t, p.imageOf(t, "1.2.0", migrates, "migrates.toml"))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.2.0 is in slot b")))
	restart(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.2.0 after 1.0.0")))
	m.Must(limit, m.Prints("cat /var/lib/app/data; ls /var/lib/app", qemu.Has("migrated to 2")))
	m.Must(limit, m.Prints("ls /var/lib/app", qemu.HasNot("old")))
}
