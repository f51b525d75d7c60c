package loader

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/fstest"

	"clarityos/update/slots"
)

func TestCheck(t *testing.T) {
	paths := Paths(slots.B)
	whole := func() fstest.MapFS {
		files := fstest.MapFS{}
		for i, p := range paths {
			files[p] = &fstest.MapFile{Data: bytes.Repeat([]byte{byte(i)}, 100)}
		}
		return files
	}
	var in [3]io.Reader
	for i, p := range paths {
		in[i] = bytes.NewReader(whole()[p].Data)
	}
	want, err := Digest(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(whole(), slots.B, want); err != nil {
		t.Errorf("files that are as they were: %v", err)
	}
	in[0], in[1], in[2] = bytes.NewReader(whole()[paths[0]].Data), bytes.NewReader(whole()[paths[1]].Data), bytes.NewReader(nil)
	unified, err := Digest(in)
	if err != nil {
		t.Fatal(err)
	}
	files := whole()
	if err := Check(files, slots.B, unified); !errors.Is(err, ErrAltered) {
		t.Errorf("an initramfs that has come: %v", err)
	}
	delete(files, paths[2])
	if err := Check(files, slots.B, unified); err != nil {
		t.Errorf("without an initramfs: %v", err)
	}
	if err := Check(fstest.MapFS{}, slots.B, [32]byte{}); err != nil {
		t.Errorf("a digest that is not known: %v", err)
	}
	// The GUID of the disk is no part of it: flashing changes that.
	named := func(guid string) fstest.MapFS {
		files := whole()
		files[paths[0]].Data = []byte("options clarity.slot=b clarity.state=" + guid + " quiet\n")
		return files
	}
	for i, p := range paths {
		in[i] = bytes.NewReader(named("4D21B016-B534-45C2-A9FB-5C16E091FD2D")[p].Data)
	}
	of, err := Digest(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(named("6a2f1d0c-5b3e-4c57-9e0b-1c8a7f0d4e21"), slots.B, of); err != nil {
		t.Errorf("on a disk with another GUID: %v", err)
	}
	for i, p := range paths {
		for what, alter := range map[string]func(fstest.MapFS){
			"a bit":     func(f fstest.MapFS) { f[p].Data[99] ^= 1 },
			"its end":   func(f fstest.MapFS) { f[p].Data = f[p].Data[:99] },
			"the file":  func(f fstest.MapFS) { delete(f, p) },
			"its place": func(f fstest.MapFS) { next := paths[(i+1)%3]; f[p], f[next] = f[next], f[p] },
			"its slot":  func(f fstest.MapFS) { f[Paths(slots.A)[i]] = f[p]; delete(f, p) },
		} {
			files := whole()
			alter(files)
			if err := Check(files, slots.B, want); !errors.Is(err, ErrAltered) {
				t.Errorf("%s of %s is another one: %v", what, p, err)
			}
		}
	}
}
