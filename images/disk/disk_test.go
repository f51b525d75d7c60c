package disk

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/gpt"
)

func parts() []Partition {
	fill := func(text string) func(io.WriterAt) error {
		return func(w io.WriterAt) error { _, err := w.WriteAt([]byte(text), 0); return err }
	}
	return []Partition{
		{Name: "esp", Type: ESP, Size: 40 << 20, Fill: fill("the loader's")},
		{Name: "clarity-state", Type: State, Size: 16 << 20},
		{Name: "root-a", Type: Root["amd64"], Size: 3<<20 + 1, Fill: fill("a root")},
		{Name: "verity-a", Type: Verity["amd64"], Size: 1, Fill: fill("a tree")},
		{Name: "root-b", Type: Root["amd64"], Size: 3<<20 + 1},
		{Name: "verity-b", Type: Verity["amd64"], Size: 1},
		{Name: "var", Type: Var, Size: 64 << 20},
	}
}

// sgdisk accepts the table, and sees in it what was asked for.
func TestWrite(t *testing.T) {
	placed, size, err := Place("an image", parts())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := Write(filepath.Join(dir, name), "an image", placed, size); err != nil {
			t.Fatal(err)
		}
	}
	one, err := os.ReadFile(filepath.Join(dir, "one"))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := os.ReadFile(filepath.Join(dir, "two")); err != nil || !bytes.Equal(one, two) {
		t.Errorf("a second one differs: %v", err)
	}
	if out := sgdisk(t, "-v", filepath.Join(dir, "one")); !strings.Contains(out, "No problems found") {
		t.Errorf("%s", out)
	}
	for i, p := range placed {
		out := sgdisk(t, "-i", fmt.Sprint(i+1), filepath.Join(dir, "one"))
		for _, want := range []string{"Partition GUID code: " + p.Type, "Partition unique GUID: " + p.GUID, "Partition name: '" + p.Name + "'",
			fmt.Sprintf("First sector: %d ", p.Start/Sector), fmt.Sprintf("Partition size: %d sectors", p.Size/Sector)} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
	for name, text := range map[string]string{"esp": "the loader's", "root-a": "a root", "verity-a": "a tree"} {
		for _, p := range placed {
			if p.Name == name && !bytes.HasPrefix(one[p.Start:], []byte(text)) {
				t.Errorf("%s begins with %q", name, one[p.Start:p.Start+16])
			}
		}
	}
	if err := Write(filepath.Join(dir, "one"), "an image", placed, size); err == nil {
		t.Error("a disk is written over a file")
	}
}

// An MBR that names a partition too is one for sfdisk, and the GPT still is one for sgdisk and
// for the machine that grows it.
func TestHybrid(t *testing.T) {
	all := parts()
	all[0].MBR = 0x0c
	placed, size, err := Place("an image", all)
	path := filepath.Join(t.TempDir(), "disk")
	if err == nil {
		err = Write(path, "an image", placed, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, "-v", path); !strings.Contains(out, "No problems found") {
		t.Errorf("%s", out)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var mbr [Sector]byte
	if _, err := f.ReadAt(mbr[:], 0); err != nil {
		t.Fatal(err)
	}
	// 2048 is 0x800 and 40 MiB are 0x14000 sectors; what is in front has 0x7ff.
	if want := "\x00\xfe\xff\xff\x0c\xfe\xff\xff\x00\x08\x00\x00\x00\x40\x01\x00"; string(mbr[446:462]) != want {
		t.Errorf("the first entry is %x", mbr[446:462])
	}
	if mbr[466] != 0xee || string(mbr[470:478]) != "\x01\x00\x00\x00\xff\x07\x00\x00" {
		t.Errorf("the second entry is %x", mbr[462:478])
	}
	if err := f.Truncate(size + align); err != nil {
		t.Fatal(err)
	}
	table, err := gpt.Read(f, size+align)
	if err == nil {
		_, _, err = table.Grow("var", size+align)
	}
	if err == nil {
		err = table.Write(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, "-v", path); !strings.Contains(out, "No problems found") {
		t.Errorf("after it has grown: %s", out)
	}
}

func TestRefused(t *testing.T) {
	for why, all := range map[string][]Partition{
		"no other one has":       {{Name: "a", Type: Var, Size: 1}, {Name: "a", Type: Var, Size: 1}},
		"is called \"\"":         {{Type: Var, Size: 1}},
		"1 to 36 characters":     {{Name: strings.Repeat("a", 37), Type: Var, Size: 1}},
		"is called \"ä\"":        {{Name: "ä", Type: Var, Size: 1}},
		"partition a has 0 byte": {{Name: "a", Type: Var}},
	} {
		if _, _, err := Place("", all); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	placed, size, err := Place("", []Partition{{Name: "a", Type: Var, Size: 1, Fill: func(w io.WriterAt) error { _, err := w.WriteAt([]byte("xy"), align-1); return err }}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(t.TempDir(), "d"), "", placed, size); err == nil || !strings.Contains(err.Error(), "write partition a of ") {
		t.Errorf("%v", err)
	}
}

func sgdisk(t *testing.T, args ...string) string {
	t.Helper()
	program := "/sbin/sgdisk"
	if found, err := exec.LookPath("sgdisk"); err == nil {
		program = found
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk %q: %v\n%s", args, err, out)
	}
	return string(out)
}
