// Package updatetest has machines take updates from repositories, good ones and others.
package updatetest

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/manifest"
	"clarityos/update/repo"
)

// limit bounds every wait, patience those for several boots.
const (
	limit    = 3 * time.Minute
	patience = 3 * limit
)

// publisher has a repository on a web server of its own, and all keys.
type publisher struct {
	dir  string // of the repository
	url  string // as a guest sees it
	keys ring
}

// ring is keys in memory.
type ring []ed25519.PrivateKey

func (r ring) find(public ed25519.PublicKey) ed25519.PrivateKey {
	for _, k := range r {
		if public.Equal(k.Public()) {
			return k
		}
	}
	return nil
}

func (r ring) Has(public ed25519.PublicKey) bool { return r.find(public) != nil }
func (r ring) Sign(public ed25519.PublicKey, message []byte) ([]byte, error) {
	return ed25519.Sign(r.find(public), message), nil
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{dir: filepath.Join(t.TempDir(), "repository")}
	roles := map[string]repo.Role{}
	for role, n := range map[string]int{"root": 3, "targets": 1, "snapshot": 1, "timestamp": 1} {
		r := repo.Role{Threshold: (n + 1) / 2}
		for range n {
			public, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			p.keys, r.Keys = append(p.keys, private), append(r.Keys, public)
		}
		roles[role] = r
	}
	if pending, err := repo.Init(p.dir, roles, p.keys, time.Now()); err != nil || pending.Version != 0 {
		t.Fatalf("%+v, %v", pending, err)
	}
	p.url = serve(t, p.dir)
	return p
}

// serve has a web server for a folder until the test ends, and gives its URL for QEMU's guests.
func serve(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "10.0.2.2", 1)
}

// image is a version of the machine's image, with further overlays.
func (p *publisher) image(t *testing.T, version string, overlays ...string) *images.Image {
	t.Helper()
	return p.imageOf(t, version, "", overlays...)
}

// imageOf is one with further lines in [update].
func (p *publisher) imageOf(t *testing.T, version, update string, overlays ...string) *images.Image {
	t.Helper()
	dir := t.TempDir()
	text := fmt.Sprintf("version = %q\n[update]\nfrom = %q\nroot = %q\n%s\n[[file]]\npath = \"/usr/share/hello\"\ncontent = \"this is %s\\n\"\n",
		version, p.url, filepath.Join(p.dir, "metadata/1.root.json"), update, version)
	over := filepath.Join(dir, "version.toml")
	if err := os.WriteFile(over, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: filepath.Join(dir, "out"), Lock: filepath.Join(filepath.Dir(p.dir), "lock"), Fast: true,
		Override: images.Override{Overlays: append([]string{over}, overlays...)}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// offer publishes an image, and gives the manifest.
func (p *publisher) offer(t *testing.T, img *images.Image) *manifest.Manifest {
	t.Helper()
	m, err := img.WriteRelease(t.Context(), p.dir, images.DiskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(p.dir, p.keys)
	if err == nil {
		err = r.Add(t.Context(), []repo.Target{{Name: manifest.Target("stable", m.Name, m.Arch, m.Version), Bytes: text}}, nil, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// machine boots an image from a disk.
func machine(t *testing.T, img *images.Image) *qemu.TestMachine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{}); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
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
// good it leaves for that, and does not take again by itself.
func TestUpdate(t *testing.T) {
	p := newPublisher(t)
	m := machine(t, p.image(t, "1.0.0"))
	m.Must(limit, m.Prints("clarityctl update check", qemu.Has("has nothing newer")))
	p.offer(t, p.image(t, "1.1.0"))
	m.Must(limit, m.Prints("clarityctl update check", qemu.Has("updatetest 1.1.0 is there, and 1.0.0 runs")))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.1.0 is in slot b; `clarityctl reboot` starts it")))
	restart(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.1.0 after 1.0.0")))
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default", "version  1.1.0")))

	p.offer(t, p.image(t, "1.2.0", "fails.toml"))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.2.0 is in slot a")))
	restart(t, m)
	m.Must(2*patience, m.Prints("clarityctl update history", qemu.Has("left      1.2.0 after 1.1.0", "broken.service has failed")))
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default", "slot a: bad")))
	m.Must(limit, m.Prints("clarityctl events --topic update.state", qemu.Has("reverted", "1.2.0", "broken.service has failed")))
	m.Must(patience, m.Prints("clarityctl update install 2>&1", qemu.Has("1.2.0 was tried on this machine and left")))
}
