package setup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// A superblock of which a power cut has left one sector as it was is mended, from another copy of
// it, and nothing that the file system has is lost; one that is whole is left as it is.
func TestTornSuperblock(t *testing.T) {
	run := func(path string, args ...string) string {
		t.Helper()
		out, err := exec.Command(path, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v: %s", path, args, err, out)
		}
		return string(out)
	}
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "hello"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	const sector = 512
	for _, block := range []int{1024, 4096} {
		device := filepath.Join(t.TempDir(), "device")
		run("/usr/sbin/mke2fs", "-q", "-t", "ext4", "-b", fmt.Sprint(block), "-L", "clarity-var", "-d", files, device, "256M")
		old, err := readHead(device)
		if err != nil {
			t.Fatal(err)
		}
		run("/usr/sbin/tune2fs", "-c", "7", device)
		whole, err := readHead(device)
		if err != nil {
			t.Fatal(err)
		}
		for from := superblock; from <= superblock+sector; from += sector {
			half := slices.Clone(whole)
			copy(half[from:from+sector], old[from:])
			if Torn(old) || Torn(whole) || !Torn(half) {
				t.Fatalf("torn: %v of the old one, %v of the new one, %v of half of it", Torn(old), Torn(whole), Torn(half))
			}
			f, err := os.OpenFile(device, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(half, 0); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			for _, want := range []int{2, 0} { // lines, when it is mended and when it is whole
				var said []string
				if err := Repair(device, func(line string) { said = append(said, line) }); err != nil || len(said) != want {
					t.Errorf("blocks of %d bytes, the sector at %d: %v, %q", block, from, err, said)
				}
			}
			run("/usr/sbin/e2fsck", "-fn", device)
			if text := run("/usr/sbin/debugfs", "-R", "cat hello", device); text[len(text)-5:] != "hello" {
				t.Errorf("the file has %q", text)
			}
		}
	}
}
