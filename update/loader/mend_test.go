package loader

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	made "clarityos/images/fat"
	"clarityos/update/fat"
	"clarityos/update/slots"
)

// A partition whose tables lack a file of the slot that is written is without that file then, and
// has all others; where they lack one of the other slot nothing is changed.
func TestMend(t *testing.T) {
	files := []made.File{{Path: "EFI/BOOT/BOOTX64.EFI", Data: []byte("x")}}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		for _, path := range Paths(s) {
			files = append(files, made.File{Path: path, Data: []byte("x")})
		}
	}
	for _, c := range []struct {
		writes slots.Slot
		lacks  string
		want   bool
	}{{slots.B, "clarity-b/initrd", true}, {slots.B, "loader/entries/clarity-b.conf", true}, {slots.B, "clarity-b", true}, {slots.A, "clarity-b/initrd", false}, {slots.B, "EFI/BOOT/BOOTX64.EFI", false}, {slots.B, "loader", false}} {
		path := filepath.Join(t.TempDir(), "esp")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		esp := &made.FileSystem{Size: made.MinSize, Label: "ESP", Time: time.Unix(1.7e9, 0), Files: files}
		if err := errors.Join(esp.WriteTo(f), f.Truncate(esp.Size)); err != nil {
			t.Fatal(err)
		}
		v, err := fat.Read(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range v.Files {
			if file.Path == c.lacks {
				if _, err := f.WriteAt(make([]byte, 4), 32*512+int64(file.Clusters[0])*4); err != nil {
					t.Fatal(err)
				}
			}
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		err = Mend(path, c.writes)
		after, e := os.ReadFile(path)
		if e != nil || (err == nil) != c.want || bytes.Equal(before, after) == c.want {
			t.Fatalf("%s: %v, %v; it is the same: %v", c.lacks, err, e, bytes.Equal(before, after))
		}
		if v, err = fat.Read(f); err != nil {
			t.Fatal(err)
		}
		left := 0
		for _, file := range v.Files {
			if c.want && file.Broken != nil {
				t.Errorf("%s: %s: %v", c.lacks, file.Path, file.Broken)
			}
			if !Belongs(file.Path, slots.B) {
				left++
			}
		}
		if c.want && (left != 10 || v.Lost() != 0) {
			t.Errorf("%s: %d files and folders are left, and %d clusters are lost", c.lacks, left, v.Lost())
		}
	}
}
