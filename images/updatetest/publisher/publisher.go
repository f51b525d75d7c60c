// Package publisher offers releases to machines in QEMU, from a repository that it signs.
package publisher

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"clarityos/images"
	"clarityos/update/manifest"
	"clarityos/update/repo"
)

// Publisher has a repository on a web server of its own, and all keys.
type Publisher struct {
	Dir        string // of the repository
	URL        string // of it, as a guest sees it
	Definition string // of the image

	keys ring
	stop func()
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

// New makes a repository in dir/repository, for versions of the image of a definition.
func New(dir, definition string) (*Publisher, error) {
	p := &Publisher{Dir: filepath.Join(dir, "repository"), Definition: definition}
	roles := map[string]repo.Role{}
	for role, n := range map[string]int{"root": 3, "targets": 1, "snapshot": 1, "timestamp": 1} {
		r := repo.Role{Threshold: (n + 1) / 2}
		for range n {
			public, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				return nil, err
			}
			p.keys, r.Keys = append(p.keys, private), append(r.Keys, public)
		}
		roles[role] = r
	}
	pending, err := repo.Init(p.Dir, roles, p.keys, time.Now())
	if err != nil {
		return nil, err
	}
	if pending.Version != 0 {
		return nil, fmt.Errorf("root %d lacks signatures", pending.Version)
	}
	p.URL, p.stop, err = Serve(http.FileServer(http.Dir(p.Dir)))
	return p, err
}

// Close ends the web server.
func (p *Publisher) Close() { p.stop() }

// Serve has a web server on this machine, and gives its URL for QEMU's guests.
func Serve(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }() // until it is stopped
	return fmt.Sprintf("http://10.0.2.2:%d", l.Addr().(*net.TCPAddr).Port), func() { server.Close() }, nil
}

// files are those that tell of a version; each has its text in it.
const files = `
[[file]]
path = "/usr/share/hello"
content = "this is %[1]s\n"
[[file]]
path = "/etc/settings"
content = "# of %[1]s\nthis = 1\nthat = 2\n"
`

// Image builds a version of the image in dir, with further lines in [update] and overlays.
func (p *Publisher) Image(ctx context.Context, dir, version, update string, overlays ...string) (*images.Image, error) {
	text := fmt.Sprintf("version = %q\n[update]\nfrom = %q\nroot = %q\n%s\n%s",
		version, p.URL, filepath.Join(p.Dir, "metadata/1.root.json"), update, fmt.Sprintf(files, version))
	over := filepath.Join(dir, "version.toml")
	if err := os.WriteFile(over, []byte(text), 0o600); err != nil {
		return nil, err
	}
	img, _, err := images.Build(ctx, p.Definition, images.Options{Out: filepath.Join(dir, "out"), Lock: filepath.Join(filepath.Dir(p.Dir), "lock"), Fast: true,
		Override: images.Override{Overlays: append([]string{over}, overlays...)}})
	return img, err
}

// Offer publishes an image.
func (p *Publisher) Offer(ctx context.Context, img *images.Image) error {
	m, err := img.WriteRelease(ctx, p.Dir, images.DiskOptions{})
	if err != nil {
		return err
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	r, err := repo.Open(p.Dir, p.keys)
	if err != nil {
		return err
	}
	return r.Add(ctx, []repo.Target{{Name: manifest.Target("stable", m.Name, m.Arch, m.Version), Bytes: text}}, nil, time.Now())
}
