// Package updatetest has machines take updates from repositories, good ones and others.
package updatetest

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"clarityos/images"
	offers "clarityos/images/updatetest/publisher"
	"clarityos/qemu"
)

// limit bounds every wait, patience those for several boots.
const (
	limit    = 3 * time.Minute
	patience = 3 * limit
)

// publisher offers what a test has it offer.
type publisher struct {
	*offers.Publisher
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p, err := offers.New(t.TempDir(), "clarity.toml")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &publisher{p}
}

// serve has a web server until the test ends, and gives its URL for QEMU's guests.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	url, stop, err := offers.Serve(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// image is a version of the machine's image, with further overlays.
func (p *publisher) image(t *testing.T, version string, overlays ...string) *images.Image {
	t.Helper()
	return p.imageOf(t, version, "", overlays...)
}

// imageOf is one with further lines in [update].
func (p *publisher) imageOf(t *testing.T, version, update string, overlays ...string) *images.Image {
	t.Helper()
	img, err := p.Image(t.Context(), t.TempDir(), version, update, overlays...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// offer publishes an image.
func (p *publisher) offer(t *testing.T, img *images.Image) {
	t.Helper()
	if err := p.Offer(t.Context(), img); err != nil {
		t.Fatal(err)
	}
}

// machine boots an image from a disk, with further arguments of QEMU.
func machine(t *testing.T, img *images.Image, extra ...string) *qemu.TestMachine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{}); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, Extra: extra})
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			said, err := m.Shell(ctx, "clarityctl logs -u clarity-update | tail -n 30; clarityctl update status; clarityctl slots; clarityctl restarts")
			t.Logf("%s, %v", said.Stdout, err)
		}
	})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	return m
}

// restart restarts a machine from outside, which may restart once more by itself then.
func restart(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
}

// A machine takes a newer version while it runs, and keeps it once it is good; one that is not
// good it leaves for that, and does not take again by itself. What was changed in /etc goes along.
func TestUpdate(t *testing.T) {
	p := newPublisher(t)
	m := machine(t, p.image(t, "1.0.0"))
	m.Must(limit, m.Prints("clarityctl update check", qemu.Has("has nothing newer")))
	m.MustShell(limit, "echo 'more = 3' >> /etc/settings; mkdir /etc/own; echo mine > /etc/own/file; rm -r /etc/unwanted /etc/folder; mkdir /etc/folder; echo another > /etc/folder/file")
	p.offer(t, p.image(t, "1.1.0"))
	m.Must(limit, m.Prints("clarityctl update check", qemu.Has("updatetest 1.1.0 is there, and 1.0.0 runs")))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.1.0 is in slot b; `clarityctl reboot` starts it")))
	restart(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.1.0 after 1.0.0")))
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default", "version  1.1.0")))
	const changed = "cat /etc/settings /etc/own/file /etc/folder/*; test -e /etc/unwanted || echo stays away"
	ours := qemu.Has("# of 1.1.0\n", "more = 3\nmine\nanother\nstays away")
	m.Must(limit, m.Prints(changed, ours))

	p.offer(t, p.image(t, "1.2.0", "fails.toml"))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.2.0 is in slot a")))
	restart(t, m)
	m.Must(2*patience, m.Prints("clarityctl update history", qemu.Has("left      1.2.0 after 1.1.0", "broken.service has failed")))
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default", "slot a: bad")))
	m.Must(limit, m.Prints(changed, ours))
	m.Must(limit, m.Prints("clarityctl events --topic update.state", qemu.Has("reverted", "1.2.0", "broken.service has failed")))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.2.0 was tried on this machine and left")))
}
