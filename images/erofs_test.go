package images

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestErofs(t *testing.T) {
	checkErofs(t, func(tree *Tree, name string) error {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		return errors.Join(tree.WriteErofs(f, 1_700_000_000), f.Close())
	})
}

// checkErofs holds that fsck.erofs accepts what is written, and unpacks from it what the tree
// holds, and that a second one is the same. It returns the size.
func checkErofs(t *testing.T, write func(tree *Tree, name string) error) int {
	t.Helper()
	tree := NewTree()
	put := func(p string, e Entry) {
		t.Helper()
		if err := tree.Put(p, e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		put(fmt.Sprintf("usr/share/many/%d", i), Entry{Mode: 0o644, Data: bytes.Repeat([]byte{byte(i)}, i*97)})
	}
	put("usr/bin/su", Entry{Mode: fs.ModeSetuid | 0o755, Data: []byte("su")})
	put("srv/shared", Entry{Mode: fs.ModeDir | fs.ModeSetgid | fs.ModeSticky | 0o775, UID: 100, GID: 70_000})
	put("srv/owned", Entry{Mode: 0o600, UID: 70_000, GID: 1})
	put("etc/link", Entry{Mode: fs.ModeSymlink | 0o777, Link: "../usr/bin/su"})
	put("dev/null", Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Major: 1, Minor: 3})
	put("dev/fifo", Entry{Mode: fs.ModeNamedPipe | 0o640})
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := write(tree, filepath.Join(dir, name)); err != nil {
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
	if mode := modeOf(t, one, filepath.Join(dir, "one"), "/usr/bin/su"); mode != 0o104755 {
		t.Errorf("su has mode %o", mode)
	}
	out := filepath.Join(dir, "out")
	if text, err := exec.Command("fsck.erofs", "--extract="+out, "--preserve", filepath.Join(dir, "one")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, p := range tree.Paths() {
		e := tree.Get(p)
		info, err := os.Lstat(filepath.Join(out, p))
		if err != nil {
			t.Error(err)
			continue
		}
		want := e.Mode
		if e.Mode.IsRegular() {
			want &^= fs.ModeSetuid // lost when the owner is changed after it
		}
		if got := info.Mode(); got != want && e.Mode&fs.ModeSymlink == 0 {
			t.Errorf("%s has mode %v, not %v", p, got, want)
		}
		if info.ModTime().Unix() != 1_700_000_000 && e.Mode.IsRegular() {
			t.Errorf("%s has time %v", p, info.ModTime())
		}
		if e.Mode.IsRegular() {
			if got, err := os.ReadFile(filepath.Join(out, p)); err != nil || !bytes.Equal(got, e.Data) {
				t.Errorf("%s has %d bytes, not %d: %v", p, len(got), len(e.Data), err)
			}
		}
	}
	return len(one)
}

// modeOf reads the mode in a file's inode (erofs_inode_compact and erofs_inode_extended of
// fs/erofs/erofs_fs.h), since the tools show no more than permissions.
func modeOf(t *testing.T, image []byte, path, name string) uint16 {
	t.Helper()
	text, err := exec.Command("dump.erofs", "--path="+name, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "NID: ")
	var nid int
	if _, err := fmt.Sscanf(after, "%d", &nid); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	const super, metaBlock = 1024, 40
	inodes := int(binary.LittleEndian.Uint32(image[super+metaBlock:])) * 4096
	return binary.LittleEndian.Uint16(image[inodes+32*nid+4:])
}
