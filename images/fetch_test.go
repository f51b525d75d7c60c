package images

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/images/debian"
)

// The tests in this file need Debian packages. They take them from the user's
// cache, which `make deps` fills, and from the mirror what is missing there.

// Each kernel has, as a file or built in, what an image loads at boot.
func TestFetchKernel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for _, test := range []struct{ spec, arch, release string }{
		{"debian:trixie-cloud", "amd64", "6.12."},
		{"debian:trixie-cloud", "arm64", "6.12."},
		{"debian:bookworm-cloud", "amd64", "6.1."},
	} {
		t.Run(test.spec+" "+test.arch, func(t *testing.T) {
			k, err := FetchKernel(ctx, test.spec, test.arch, func(s string) { t.Log(s) })
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(k.Release, test.release) {
				t.Errorf("release %s, want %s*", k.Release, test.release)
			}
			tree := NewTree()
			early, err := addModules(tree, k, []string{"zram"})
			if err != nil {
				t.Fatal(err)
			}
			place := func(name string) int {
				return slices.IndexFunc(early, func(p string) bool { return path.Base(p) == name+".ko" })
			}
			for _, order := range [][2]string{{"failover", "net_failover"}, {"net_failover", "virtio_net"}} {
				if place(order[0]) < 0 || place(order[0]) > place(order[1]) {
					t.Errorf("%s is not loaded before %s: %q", order[0], order[1], early)
				}
			}
			for _, p := range early {
				if !bytes.HasPrefix(mustBytes(t, tree, p), []byte("\x7fELF")) {
					t.Errorf("%s is not a plain module", p)
				}
			}
			_, err = addModules(NewTree(), k, []string{"no-such-module"})
			want := "modules: the kernel has no module no_such_module (release " + k.Release + ")"
			if err == nil || err.Error() != want {
				t.Errorf("an unknown module: %v, want %s", err, want)
			}
		})
	}
}

// A compressed file system has all that a plain one has, and is small.
func TestFetchErofsLZ4(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	size := checkErofs(t, func(tree *Tree, name string) error {
		return tree.WriteErofsLZ4(ctx, name, 1_700_000_000, "11111111-2222-4333-8444-555555555555", t.TempDir(), nil)
	})
	if size%4096 != 0 || size > 2<<20 {
		t.Errorf("it has %d bytes", size)
	}
}

// The demo is the same to the byte when it is built twice from one lock, and the
// second build asks nobody for anything.
func TestFetchDemoTwice(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	out := t.TempDir()
	o := Options{Out: out, Fast: true, Lock: filepath.Join(out, "clarity.lock"), Progress: func(s string) { t.Log(s) }}
	var archives [2][]byte
	for i, name := range []string{"first", "second"} {
		o.Name = name
		img, warnings, err := Build(ctx, filepath.Join("demo", "clarity.toml"), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			if strings.Contains(w, "is not in the image") {
				t.Error(w)
			}
		}
		if archives[i], err = os.ReadFile(img.Initramfs); err != nil {
			t.Fatal(err)
		}
		t.Setenv(debian.MirrorVariable, "http://mirror.invalid/debian")
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the two builds differ")
	}
}
