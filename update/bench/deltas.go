package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"clarityos/images"
	"clarityos/update/chunks"
	"clarityos/update/manifest"
)

const (
	demo = "images/demo/clarity.toml"
	// oneFile and onePackage are what is another one in the next release: a line in the one,
	// all bytes of the other.
	oneFile    = "/etc/nginx/nginx.conf"
	onePackage = "/usr/sbin/nginx"
)

// deltas measures what a machine with one release fetches of the next one.
func deltas(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "clarity-deltas-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	img, first, err := packed(ctx, dir, "first", "")
	if err != nil {
		return err
	}
	fmt.Println("what is fetched of the demo's next release, of its compressed root, kernel and initramfs")
	for _, c := range []struct {
		what, path string
		change     func([]byte) []byte
	}{
		{"one file", oneFile, func(b []byte) []byte { return append(b, "# another line\n"...) }},
		{"one package's program", onePackage, func(b []byte) []byte {
			for i := range b {
				b[i] ^= byte(i>>12) | 1
			}
			return b
		}},
	} {
		b, err := contents(img, c.path)
		if err != nil {
			return err
		}
		changed := filepath.Join(dir, "changed")
		if err := os.WriteFile(changed, c.change(b), 0o755); err != nil {
			return err
		}
		_, next, err := packed(ctx, dir, "next", fmt.Sprintf("[[file]]\npath = %q\nsource = %q\n", c.path, changed))
		if err != nil {
			return err
		}
		lacks := next.lacking(first)
		fmt.Printf("  %-44s %8d of %d bytes: %.4fx; the table besides: %d bytes\n", c.what+", "+c.path, lacks, next.PackSize(), float64(lacks)/float64(next.PackSize()), len(next.Encode()))
	}
	return nil
}

// pieces is the table of a release.
type pieces struct{ *chunks.Table }

// lacking is how many bytes of the pack have to be fetched where another release is.
func (p pieces) lacking(had pieces) (bytes int64) {
	known := map[chunks.Hash]bool{}
	for _, e := range had.Entries {
		known[e.Plain] = true
	}
	for _, e := range p.Entries {
		if !known[e.Plain] {
			bytes += int64(e.Length)
		}
	}
	return bytes
}

// packed builds the demo, with something changed, as a release.
func packed(ctx context.Context, dir, name, change string) (*images.Image, pieces, error) {
	over := filepath.Join(dir, name+".toml")
	root := filepath.Join(dir, "root.json")
	text := fmt.Sprintf("version = \"1.0.0\"\n[update]\nroot = %q\n%s", root, change)
	if err := os.WriteFile(over, []byte(text), 0o600); err != nil {
		return nil, pieces{}, err
	}
	if err := os.WriteFile(root, []byte("{}"), 0o600); err != nil {
		return nil, pieces{}, err
	}
	img, _, err := images.Build(ctx, demo, images.Options{Out: dir, Name: name, Lock: filepath.Join(dir, "lock"), Override: images.Override{Overlays: []string{over}}})
	if err != nil {
		return nil, pieces{}, err
	}
	m, err := img.WriteRelease(ctx, dir, images.DiskOptions{})
	if err != nil {
		return nil, pieces{}, err
	}
	b, err := os.ReadFile(filepath.Join(dir, m.Table.Name(manifest.TableSuffix)))
	if err != nil {
		return nil, pieces{}, err
	}
	table, err := chunks.Decode(b)
	return img, pieces{table}, err
}

// contents gives a file of an image.
func contents(img *images.Image, path string) (b []byte, err error) {
	err = img.Walk(func(f images.File, r io.Reader) error {
		if f.Path != path {
			return nil
		}
		var all bytes.Buffer
		_, err := all.ReadFrom(r)
		b = all.Bytes()
		return err
	})
	if err == nil && b == nil {
		err = fmt.Errorf("%s has no %s", img.Dir, path)
	}
	return b, err
}
