package fat

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	made "clarityos/images/fat"
)

// written is a file system with files of slots a and b in memory.
func written(t testing.TB) []byte {
	t.Helper()
	f := &made.FileSystem{Size: made.MinSize, Label: "ESP", Time: time.Unix(1.7e9, 0), Files: []made.File{
		{Path: "EFI/BOOT/BOOTX64.EFI", Data: make([]byte, 1000)},
		{Path: "a/kernel", Data: make([]byte, 5000)}, {Path: "b/kernel", Data: make([]byte, 4096)}, {Path: "b/a file with a long name.conf.new", Data: make([]byte, 513)},
	}}
	path := filepath.Join(t.TempDir(), "esp")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := errors.Join(f.WriteTo(out), out.Truncate(f.Size)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// file finds one.
func (v *Volume) file(path string) *File {
	for _, f := range v.Files {
		if f.Path == path {
			return f
		}
	}
	return nil
}

func TestRead(t *testing.T) {
	b := written(t)
	v, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range v.Files {
		all = append(all, f.Path)
		if f.Broken != nil || !v.Same(f) || (f.Size+511)/512 != int64(len(f.Clusters)) && !f.Folder {
			t.Errorf("%+v", f)
		}
	}
	if got := strings.Join(all, " "); got != " EFI a b EFI/BOOT EFI/BOOT/BOOTX64.EFI a/kernel b/a file with a long name.conf.new b/kernel" || v.Lost() != 0 {
		t.Errorf("%s; %d lost", got, v.Lost())
	}
	for at, why := range map[int]string{510: "none", 38: "tables of", 11: "none", 44: "its root"} {
		garbled := bytes.Clone(b)
		garbled[at] ^= 0xff
		if _, err := Read(bytes.NewReader(garbled)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// keeps says whether a file is none of slot b.
func keeps(path string) bool { return path != "b" && !strings.HasPrefix(path, "b/") }

// mended applies what has to be written.
func mended(t testing.TB, b []byte, v *Volume) {
	t.Helper()
	entries, tables, err := v.Mend(bytes.NewReader(b), keeps)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range append(entries, tables...) {
		copy(b[w.At:], w.Bytes)
	}
}

func read(t testing.TB, b []byte) *Volume {
	t.Helper()
	v, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// set has the tables say what comes behind a cluster, the second one only where both is true.
func (v *Volume) set(b []byte, cluster, next uint32, both bool) {
	size := (v.data - v.tablesAt) / 2
	for i := range int64(2) {
		if i == 0 || both {
			at := v.tablesAt + i*size + int64(cluster)*4
			b[at], b[at+1], b[at+2], b[at+3] = byte(next), byte(next>>8), byte(next>>16), byte(next>>24)
		}
	}
}

// What is wrong with the files of slot b is gone once it is mended, fsck.fat has nothing to say
// then, and what is not wrong stays.
func TestMend(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(b []byte, v *Volume, kernel *File)
		want string // the files of slot b that are left
		lost int
	}{
		"nothing": {func([]byte, *Volume, *File) {}, "b b/a file with a long name.conf.new b/kernel", 0},
		"the table was not written": {func(b []byte, v *Volume, k *File) {
			for _, c := range k.Clusters {
				v.set(b, c, 0, true)
			}
		}, "b b/a file with a long name.conf.new", 0},
		"its end was not": {func(b []byte, v *Volume, k *File) { v.set(b, k.Clusters[3], 0, true) }, "b b/a file with a long name.conf.new", 4},
		"the entry was not": {func(b []byte, v *Volume, k *File) {
			for _, at := range k.at {
				b[at] = removed
			}
		}, "b b/a file with a long name.conf.new", 8},
		"its size was not":   {func(b []byte, v *Volume, k *File) { b[k.at[len(k.at)-1]+29] = 2 }, "b b/a file with a long name.conf.new", 0},
		"one table only was": {func(b []byte, v *Volume, k *File) { v.set(b, k.Clusters[7]+5, end, false) }, "b b/a file with a long name.conf.new b/kernel", 1},
		"two have a cluster": {func(b []byte, v *Volume, k *File) {
			v.set(b, k.Clusters[2], v.file("b/a file with a long name.conf.new").Clusters[0], true)
		}, "b", 5},
		"a circle":                {func(b []byte, v *Volume, k *File) { v.set(b, k.Clusters[7], k.Clusters[1], true) }, "b b/a file with a long name.conf.new", 0},
		"a folder was not":        {func(b []byte, v *Volume, _ *File) { clear(b[v.At(v.file("b").Clusters[0]):][:512]) }, "", 10},
		"a folder is not taken":   {func(b []byte, v *Volume, _ *File) { v.set(b, v.file("b").Clusters[0], 0, true) }, "", 10},
		"a long name's begin was": {func(b []byte, v *Volume, _ *File) { b[v.file("b/a file with a long name.conf.new").at[1]+1] = 'X' }, "b b/a file with a long name.conf.new b/kernel", 0},
		"somebody has it mounted": {func(b []byte, v *Volume, _ *File) { b[65] |= 1 }, "b b/a file with a long name.conf.new b/kernel", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := written(t)
			v := read(t, b)
			c.harm(b, v, v.file("b/kernel"))
			v = read(t, b)
			if v.Lost() != c.lost {
				t.Errorf("%d clusters are lost, not %d", v.Lost(), c.lost)
			}
			mended(t, b, v)
			v = read(t, b)
			var left []string
			for _, f := range v.Files {
				if f.Broken != nil || !v.Same(f) {
					t.Errorf("%+v", f)
				}
				if f.Path == "b" || strings.HasPrefix(f.Path, "b/") {
					left = append(left, strings.Replace(f.Path, "aXlong", "a long", 1))
				}
			}
			if got := strings.Join(left, " "); got != c.want || v.Lost() != 0 || v.file("a/kernel") == nil {
				t.Errorf("it has %s; %d are lost", got, v.Lost())
			}
			if entries, tables, err := v.Mend(bytes.NewReader(b), keeps); len(entries)+len(tables) != 0 || err != nil {
				t.Errorf("there is more to do: %d, %d, %v", len(entries), len(tables), err)
			}
			path := filepath.Join(t.TempDir(), "esp")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("fsck.fat", "-n", path).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// What is not to be touched is not, whatever is wrong with it.
func TestKeep(t *testing.T) {
	b := written(t)
	v := read(t, b)
	v.set(b, v.file("b/kernel").Clusters[2], v.file("a/kernel").Clusters[0], true)
	v = read(t, b)
	if entries, tables, err := v.Mend(bytes.NewReader(b), keeps); err == nil || !strings.Contains(err.Error(), `"a/kernel": cluster`) || len(entries)+len(tables) != 0 {
		t.Errorf("%d, %d, %v", len(entries), len(tables), err)
	}
}

// Whatever stands in tables and folders, what can be mended has nothing wrong then.
func TestMendAny(t *testing.T) {
	whole := written(t)[:1<<20] // tables and files
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(whole)
		v, err := Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "harms") {
			cluster := rapid.Uint32Range(2, 40).Draw(t, "cluster")
			if rapid.Bool().Draw(t, "table") {
				v.set(b, cluster, rapid.SampledFrom([]uint32{0, 3, 9, 12, 30, bad, end, 1 << 27}).Draw(t, "next"), rapid.Bool().Draw(t, "both"))
			} else {
				b[v.At(cluster)+rapid.Int64Range(0, 511).Draw(t, "at")] ^= rapid.Byte().Draw(t, "bits")
			}
		}
		if v, err = Read(bytes.NewReader(b)); err != nil {
			return
		}
		entries, tables, err := v.Mend(bytes.NewReader(b), func(string) bool { return false })
		if err != nil {
			return
		}
		for _, w := range append(entries, tables...) {
			copy(b[w.At:], w.Bytes)
		}
		if v, err = Read(bytes.NewReader(b)); err != nil || v.Lost() != 0 {
			t.Fatalf("%d clusters are lost, %v", v.Lost(), err)
		}
		for _, f := range v.Files {
			if f.Broken != nil {
				t.Fatalf("%q is broken: %v", f.Path, f.Broken)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	b := written(f)
	head := bytes.Clone(b[:32*sector])
	v := read(f, b)
	f.Add(head, b[v.tablesAt:][:sector], b[v.data:][:4*sector])
	f.Fuzz(func(_ *testing.T, head, table, data []byte) {
		b := make([]byte, 1<<20)
		copy(b, head)
		copy(b[v.tablesAt:], table)
		copy(b[v.data:], data)
		if v, err := Read(bytes.NewReader(b)); err == nil {
			_, _, _ = v.Mend(bytes.NewReader(b), keeps)
		}
	})
}

// What is patched in a sector stays when another one is patched between.
func TestPatch(t *testing.T) {
	disk := bytes.NewReader(make([]byte, 2*sector))
	var all []Write
	for _, at := range []int64{3, sector + 5, 7} {
		var err error
		if all, err = patch(all, disk, at, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 2 || all[0].Bytes[3] != 1 || all[0].Bytes[7] != 1 || all[1].At != sector || all[1].Bytes[5] != 1 {
		t.Errorf("%v", all)
	}
}
