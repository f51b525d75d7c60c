package fat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var when = time.Date(2026, 11, 28, 12, 34, 56, 0, time.UTC)

// write gives the file that holds a file system.
func write(t interface{ Fatal(...any) }, dir string, f *FileSystem) string {
	path := filepath.Join(dir, "fat")
	out, err := os.Create(path)
	if err == nil {
		err = errors.Join(out.Truncate(0), out.Truncate(f.Size), f.WriteTo(out), out.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs a program of dosfstools or mtools.
func tool(t interface{ Fatal(...any) }, name string, args ...string) string {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=0", "TZ=UTC", "LC_ALL=C.UTF-8", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := c.Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			out = append(out, e.Stderr...)
		}
		t.Fatal(fmt.Sprintf("%s: %v\n%s", c, err, out))
	}
	return string(out)
}

func TestESP(t *testing.T) {
	f := &FileSystem{Size: 64 << 20, Label: "ESP", Serial: 0x1234abcd, Time: when, Files: []File{
		{"EFI/BOOT/BOOTX64.EFI", bytes.Repeat([]byte("efi"), 50_000)},
		{"EFI/systemd/systemd-bootx64.efi", []byte("boot")},
		{"loader/loader.conf", []byte("timeout 0\n")},
		{"loader/entries/clarity-a+3-0.conf", []byte("title A\n")},
		{"loader/entries/clarity-b.conf", []byte("title B\n")},
		{"loader/entries/clarity-long-as-can-be.conf", nil},
		{"clarity/a/vmlinuz", make([]byte, 1<<20)},
	}}
	path := write(t, t.TempDir(), f)
	tool(t, "fsck.fat", "-n", path)
	if out := tool(t, "mdir", "-i", path, "-/", "-b"); !strings.Contains(out, "::/loader/entries/clarity-a+3-0.conf\n") || !strings.Contains(out, "::/EFI/BOOT/BOOTX64.EFI\n") {
		t.Errorf("%s", out)
	}
	if out := tool(t, "mdir", "-i", path, "::/loader"); !strings.Contains(out, "Volume in drive : is ESP ") || !strings.Contains(out, "Volume Serial Number is 1234-ABCD") || !strings.Contains(out, "LOADER~1 CON        10 2026-11-28  12:34  loader.conf") {
		t.Errorf("%s", out)
	}
	for _, file := range f.Files {
		if got := tool(t, "mtype", "-i", path, "::/"+file.Path); got != string(file.Data) {
			t.Errorf("%s has %d bytes, not %d", file.Path, len(got), len(file.Data))
		}
	}
	one, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := os.ReadFile(write(t, t.TempDir(), f)); err != nil || !bytes.Equal(one, two) {
		t.Errorf("a second one differs: %v", err)
	}
}

// Sizes at which clusters grow, and the smallest and largest that make sense.
func TestSizes(t *testing.T) {
	for _, size := range []int64{MinSize, MinSize + sector, 66 << 20, 67<<20 + sector, 134 << 20, 260 << 20, 512 << 20, 8 << 30} {
		f := &FileSystem{Size: size, Label: "ESP", Time: when, Files: []File{{"a/b", []byte("c")}}}
		path := write(t, t.TempDir(), f)
		tool(t, "fsck.fat", "-n", path)
		if got := tool(t, "mtype", "-i", path, "::/a/b"); got != "c" {
			t.Errorf("%d bytes: %q", size, got)
		}
	}
}

// Whatever the names and contents, fsck.fat has nothing to say and mtools read them.
func TestAnyFiles(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f := &FileSystem{Size: MinSize, Label: "X", Time: when}
		names := map[string]bool{}
		part := rapid.StringMatching(`[A-Za-z0-9+._äß -]{0,30}[A-Za-z0-9]`)
		for range rapid.IntRange(0, 40).Draw(t, "files") {
			p := strings.TrimLeft(rapid.SampledFrom([]string{"", "efi/", "efi/boot/", "loader.d/"}).Draw(t, "folder")+strings.TrimLeft(part.Draw(t, "name"), ". "), "/")
			if up := strings.ToUpper(p); !names[up] && up != "EFI" && up != "EFI/BOOT" && up != "LOADER.D" {
				names[up] = true
				f.Files = append(f.Files, File{p, bytes.Repeat([]byte{byte(len(p))}, rapid.IntRange(0, 5000).Draw(t, "size"))})
			}
		}
		path := write(t, dir, f)
		tool(t, "fsck.fat", "-n", path)
		for _, file := range f.Files {
			if got := tool(t, "mtype", "-i", path, "::/"+file.Path); got != string(file.Data) {
				t.Fatalf("%q has %d bytes, not %d", file.Path, len(got), len(file.Data))
			}
		}
	})
}

func TestRefused(t *testing.T) {
	for why, f := range map[string]FileSystem{
		"it takes a multiple of 512":   {Size: MinSize + 1, Label: "ESP", Time: when},
		"from 35651584":                {Size: MinSize - sector, Label: "ESP", Time: when},
		"label \"esp\"":                {Size: MinSize, Label: "esp", Time: when},
		"the years 1980 to 2107":       {Size: MinSize, Label: "ESP"},
		"too small for its files":      {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"a", make([]byte, MinSize)}}},
		"is no path in a file system":  {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"/a", nil}}},
		"A and a have one name":        {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"a", nil}, {"A", nil}}},
		"is a file, and a folder of":   {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"a", nil}, {"A/b", nil}}},
		"is no name that FAT can have": {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"a:b", nil}}},
		"\"a.\" is no name":            {Size: MinSize, Label: "ESP", Time: when, Files: []File{{"a.", nil}}},
	} {
		out, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.WriteTo(out); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
		out.Close()
	}
}
