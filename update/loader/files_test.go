package loader

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"clarityos/update/slots"
)

func TestCheck(t *testing.T) {
	whole := func() fstest.MapFS {
		files := fstest.MapFS{"loader/loader.conf": {Data: []byte("timeout 0\n")}, "clarity-a/vmlinuz": {Data: []byte("another one")}}
		for i, p := range Paths(slots.B) {
			files[p] = &fstest.MapFile{Data: bytes.Repeat([]byte{byte(i)}, 100)}
		}
		files["clarity-b/large"] = &fstest.MapFile{Data: bytes.Repeat([]byte{7}, 3*textMost)}
		files["clarity-b/cmdline.txt"] = &fstest.MapFile{Data: []byte("clarity.slot=b clarity.state=4D21B016-B534-45C2-A9FB-5C16E091FD2D quiet\n")}
		return files
	}
	own := []string{"clarity-b/cmdline.txt", "clarity-b/initrd", "clarity-b/large", "clarity-b/vmlinuz", "loader/entries/clarity-b.conf"}
	in := map[string]io.Reader{}
	for _, p := range own {
		in[p] = bytes.NewReader(whole()[p].Data)
	}
	want, err := Digest(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(whole(), slots.B, want); err != nil {
		t.Errorf("files that are as they were: %v", err)
	}
	if err := Check(fstest.MapFS{}, slots.B, [32]byte{}); err != nil {
		t.Errorf("a digest that is not known: %v", err)
	}
	flashed := whole()
	flashed["clarity-b/cmdline.txt"].Data = []byte("clarity.slot=b clarity.state=6a2f1d0c-5b3e-4c57-9e0b-1c8a7f0d4e21 quiet\n")
	if err := Check(flashed, slots.B, want); err != nil {
		t.Errorf("on a disk with another GUID: %v", err)
	}
	more := whole()
	more["clarity-b/more"] = &fstest.MapFile{}
	if err := Check(more, slots.B, want); !errors.Is(err, ErrAltered) {
		t.Errorf("a file that has come: %v", err)
	}
	others := whole()
	others["clarity-a/vmlinuz"].Data = []byte("what runs")
	others["loader/loader.conf"].Data = nil
	if err := Check(others, slots.B, want); err != nil {
		t.Errorf("what is not the slot's: %v", err)
	}
	for i, p := range own {
		for what, alter := range map[string]func(fstest.MapFS){
			"a bit":     func(f fstest.MapFS) { b := slices.Clone(f[p].Data); b[len(b)-1] ^= 1; f[p].Data = b },
			"its end":   func(f fstest.MapFS) { f[p].Data = f[p].Data[:len(f[p].Data)-1] },
			"the file":  func(f fstest.MapFS) { delete(f, p) },
			"its place": func(f fstest.MapFS) { next := own[(i+1)%len(own)]; f[p], f[next] = f[next], f[p] },
		} {
			files := maps.Clone(whole())
			alter(files)
			if err := Check(files, slots.B, want); !errors.Is(err, ErrAltered) {
				t.Errorf("%s of %s is another one: %v", what, p, err)
			}
		}
	}
}

// FuzzEntry holds a boot entry to be the same for whatever GUID its command line names the disk
// by, and to be another one when any other byte of it has changed.
func FuzzEntry(f *testing.F) {
	f.Add("title demo\nlinux /clarity-a/linux\noptions clarity.state=", " quiet\n", uint16(3), byte(1))
	f.Add("clarity.state=01234567-89ab-cdef-0123-456789abcdef ", "", uint16(20), byte(0x80))
	f.Add("", "", uint16(0), byte(0xff))
	f.Fuzz(func(t *testing.T, before, after string, at uint16, flip byte) {
		const guid, other = "01234567-89ab-cdef-0123-456789abcdef", "FEDCBA98-7654-3210-fedc-ba9876543210"
		digest := func(text string) [32]byte {
			sum, err := Digest(map[string]io.Reader{Paths(slots.A)[0]: strings.NewReader(text)})
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		text := before + StateWord + guid + after
		if len(text) >= textMost || flip == 0 || StateGUID(before+StateWord) != "" {
			return
		}
		if StateGUID(text) != guid {
			t.Fatalf("%q is named by %q", text, StateGUID(text))
		}
		if digest(text) != digest(before+StateWord+other+after) {
			t.Errorf("%q has another digest with another GUID", text)
		}
		changed := []byte(text)
		changed[int(at)%len(changed)] ^= flip
		if stateGUID.ReplaceAllString(string(changed), StateWord) == stateGUID.ReplaceAllString(text, StateWord) {
			return // the change is in a GUID
		}
		if digest(text) == digest(string(changed)) {
			t.Errorf("%q has the digest of %q", changed, text)
		}
	})
}
