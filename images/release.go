package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"clarityos/update/chunks"
	"clarityos/update/durable"
	"clarityos/update/manifest"
	"clarityos/update/slots"
)

// WriteRelease puts the chunks of the image, as it is in a slot, into a repository's folder
// data, and gives the manifest, which says what they are. Nothing there names them until the
// manifest is signed. The same image gives the same bytes, but for signatures of Secure Boot.
func (i *Image) WriteRelease(ctx context.Context, repository string, o DiskOptions) (*manifest.Manifest, error) {
	m, err := i.writeRelease(ctx, repository, o)
	if err != nil {
		return nil, fmt.Errorf("write %s as a release: %w", i.Dir, err)
	}
	return m, nil
}

func (i *Image) writeRelease(ctx context.Context, repository string, o DiskOptions) (*manifest.Manifest, error) {
	if i.Update == nil {
		return nil, errors.New("its definition has no table [update], so no machine would take it")
	}
	work, err := os.MkdirTemp("", "clarity-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	sys, err := i.system(ctx, filepath.Join(work, "system"), o, slots.A, slots.B)
	if err != nil {
		return nil, err
	}
	m := &manifest.Manifest{
		Format: manifest.Format, Name: i.Name, Version: i.Version, Security: i.Update.Security, Arch: i.Arch, Board: i.Update.Board,
		Kernel: i.KernelRelease, Components: i.components(), State: i.Update.State, Restart: manifest.Restart,
		Health: i.Update.Health, Notes: i.Update.Notes, Hash: manifest.Hash(sys.tree.Root),
	}
	o.Progress.say("packing the chunks of %s %s", i.Name, i.Version)
	data := filepath.Join(repository, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	var table *chunks.Table
	m.Packed, err = writeBlob(data, manifest.PackSuffix, func(w io.Writer) (err error) {
		table, err = sys.pack(w, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.Table, err = writeBlob(data, manifest.TableSuffix, func(w io.Writer) error {
		_, err := w.Write(table.Encode())
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, m.Check()
}

// pack packs what is in a slot, in the order of manifest.Parts, and says so in m.
func (s *system) pack(w io.Writer, m *manifest.Manifest) (*chunks.Table, error) {
	p, err := chunks.NewPacker(w)
	if err != nil {
		return nil, err
	}
	add := func(r io.Reader) (manifest.Part, error) {
		size, sum, places, err := p.Add(r)
		return manifest.Part{Blob: manifest.Blob{Hash: manifest.Hash(sum), Size: size}, Places: places}, err
	}
	root, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var tree bytes.Buffer
	if _, err := s.tree.WriteTo(&tree); err != nil {
		return nil, err
	}
	if m.Root, err = add(root); err != nil {
		return nil, err
	}
	if m.Tree, err = add(&tree); err != nil {
		return nil, err
	}
	for _, f := range s.boot {
		if f.Part, err = add(bytes.NewReader(f.data)); err != nil {
			return nil, err
		}
		m.Boot = append(m.Boot, f.File)
	}
	return p.Table(), nil
}

// writeBlob writes a file that is named after its own hash, which nobody sees before it is
// whole and on the disk.
func writeBlob(dir, suffix string, fill func(io.Writer) error) (manifest.Blob, error) {
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return manifest.Blob{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	c := &counted{w: f, sum: sha256.New()}
	if err := errors.Join(fill(c), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return manifest.Blob{}, err
	}
	b := manifest.Blob{Hash: manifest.Hash(c.sum.Sum(nil)), Size: c.n}
	if err := os.Rename(f.Name(), filepath.Join(dir, b.Hash.String()+suffix)); err != nil {
		return manifest.Blob{}, err
	}
	return b, durable.SyncDir(dir)
}

// counted hashes and counts what goes through it.
type counted struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.sum.Write(b[:n])
	c.n += int64(n)
	return n, err
}
