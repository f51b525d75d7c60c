package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"clarityos/update/backup/index"
)

// look describes all that lies at a path, in a line each. It has nothing in common with the
// program that makes backups.
func look(t fataler, top string) string {
	t.Helper()
	var lines []string
	groups := map[uint64]string{}
	err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			if path == top && errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, path)
		line := fmt.Sprintf("%q %o %d:%d %d.%09d", rel, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFSOCK:
			return nil
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x %v", len(b), sha256.Sum256(b), holes(t, path))
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" -> %q", to)
		case unix.S_IFCHR, unix.S_IFBLK:
			line += fmt.Sprintf(" %d", st.Rdev)
		}
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if groups[st.Ino] == "" {
				groups[st.Ino] = rel
			}
			line += fmt.Sprintf(" like %q", groups[st.Ino])
		}
		b := make([]byte, 1<<16)
		n, err := unix.Llistxattr(path, b)
		if err != nil {
			return err
		}
		keys := strings.Split(strings.TrimSuffix(string(b[:n]), "\x00"), "\x00")
		slices.Sort(keys)
		for _, k := range keys {
			if k == "" {
				continue
			}
			n, err := unix.Lgetxattr(path, k, b)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %s=%q", k, b[:n])
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatalf("look at %s: %v", top, err)
	}
	return strings.Join(lines, "\n")
}

// holes gives where a file has data.
func holes(t fataler, path string) (out []int64) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	for at := int64(0); ; {
		begin, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return out
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		if at, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE); err != nil {
			t.Fatalf("%v", err)
		}
		out = append(out, begin, at)
	}
}

// fataler is what a test and a property have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// random is data that nothing is known of, the same each time.
func random(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// aclOf is an ACL with an entry for user 1000, as in linux/posix_acl_xattr.h.
var aclOf = "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\xe8\x03\x00\x00" + "\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"

// netBind is cap_net_bind_service=ep, as in linux/capability.h.
var netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// grow makes things below a folder, by draws: each of the types that there are.
func grow(t *rapid.T, top string) {
	folders := []string{top}
	var files []string
	must(t, os.MkdirAll(top, 0o755))
	root := os.Geteuid() == 0
	n := rapid.IntRange(0, 12).Draw(t, "entries")
	for range n {
		name := rapid.SampledFrom([]string{"a", "b", "A b", "c%d", "ä", "\xff\xfe", "e\nf", "a.b", "a-", ".g"}).Draw(t, "name")
		path := filepath.Join(rapid.SampledFrom(folders).Draw(t, "in"), name)
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		kinds := []string{"file", "file", "folder", "symlink", "link", "fifo", "sparse"}
		if root {
			kinds = append(kinds, "char")
		}
		switch rapid.SampledFrom(kinds).Draw(t, "kind") {
		case "file":
			must(t, os.WriteFile(path, random(rapid.SampledFrom([]int{0, 1, 16 << 10, 16<<10 + 1, 300 << 10, 1 << 20}).Draw(t, "size"), rapid.Byte().Draw(t, "seed")), 0o644))
			files = append(files, path)
		case "sparse":
			f, err := os.Create(path)
			must(t, err)
			must(t, f.Truncate(int64(rapid.IntRange(0, 4<<20).Draw(t, "size"))))
			for range rapid.IntRange(0, 3).Draw(t, "extents") {
				_, err := f.WriteAt(random(rapid.IntRange(1, 100<<10).Draw(t, "length"), 9), int64(rapid.IntRange(0, 3<<20).Draw(t, "at")))
				must(t, err)
			}
			must(t, f.Close())
			files = append(files, path)
		case "folder":
			must(t, os.Mkdir(path, 0o755))
			folders = append(folders, path)
		case "symlink":
			must(t, os.Symlink(rapid.SampledFrom([]string{"a", "../..", "/etc/passwd", "\xff"}).Draw(t, "target"), path))
		case "link":
			if len(files) == 0 {
				continue
			}
			must(t, os.Link(rapid.SampledFrom(files).Draw(t, "file"), path))
		case "fifo":
			must(t, unix.Mkfifo(path, 0o600))
		case "char":
			must(t, unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
		}
		dress(t, path, root)
	}
	for _, path := range append([]string{top}, folders...) { // what is made in them changes their time
		dress(t, path, root)
	}
}

// dress gives a thing properties, by draws.
func dress(t *rapid.T, path string, root bool) {
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	kind := st.Mode & unix.S_IFMT
	if root {
		must(t, os.Lchown(path, rapid.IntRange(0, 3000).Draw(t, "uid"), rapid.IntRange(0, 3000).Draw(t, "gid")))
	}
	if kind != unix.S_IFLNK {
		modes := []uint32{0o644, 0o755, 0o600}
		if root {
			modes = append(modes, 0o4755, 0o2755, 0o1777, 0o000)
		}
		must(t, unix.Chmod(path, rapid.SampledFrom(modes).Draw(t, "mode")))
	}
	if kind == unix.S_IFREG || kind == unix.S_IFDIR {
		attrs := map[string]string{"user.a": "\x00\xff", "user.b": ""}
		if root {
			attrs["trusted.c"] = "c"
			attrs["system.posix_acl_access"] = aclOf
			if kind == unix.S_IFDIR {
				attrs["system.posix_acl_default"] = aclOf
			} else {
				attrs["security.capability"] = netBind
			}
		}
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range attrs {
				if !yield(k) {
					return
				}
			}
		}) {
			if rapid.IntRange(0, 3).Draw(t, k) == 0 {
				must(t, unix.Lsetxattr(path, k, []byte(attrs[k]), 0))
			}
		}
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: rapid.Int64Range(-1e9, 4e9).Draw(t, "sec"), Nsec: rapid.Int64Range(0, 999_999_999).Draw(t, "nsec")}}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW))
}

// Any tree that is backed up, and changed or gone since, is the same tree once it is restored.
func TestAnyTree(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		world := filepath.Join(dir, fmt.Sprint(n))
		store := filepath.Join(world, "store")
		paths := []index.Path{index.Path(world + "/lib/one"), index.Path(world + "/lib/two"), index.Path(world + "/gone/three")}
		grow(t, string(paths[0]))
		if rapid.Bool().Draw(t, "two is a file") {
			must(t, os.WriteFile(string(paths[1]), random(100<<10, 7), 0o640))
		} else {
			grow(t, string(paths[1]))
		}
		before := both(t, paths)
		info, err := Make(t.Context(), store, Request{Cause: index.Update, Version: "1.0.0", Paths: paths})
		must(t, err)
		if after := both(t, paths); after != before {
			t.Fatalf("a backup changes what it reads:\n%s\nwas\n%s", after, before)
		}
		for i, p := range paths {
			switch rapid.IntRange(0, 3).Draw(t, fmt.Sprintf("what becomes of path %d", i)) {
			case 0:
				must(t, os.RemoveAll(string(p)))
			case 1:
				must(t, os.RemoveAll(string(p)))
				grow(t, string(p))
			case 2:
				must(t, os.RemoveAll(string(p)))
				must(t, os.MkdirAll(filepath.Dir(string(p)), 0o755))
				must(t, os.Symlink("/etc", string(p)))
			}
		}
		if rapid.Bool().Draw(t, "all is gone") {
			must(t, os.RemoveAll(world+"/lib"))
		}
		for range 2 {
			must(t, Verify(t.Context(), store, info.ID))
			must(t, Restore(t.Context(), store, info.ID, "/"))
			if after := both(t, paths); after != before {
				t.Fatalf("restored:\n%s\nwas\n%s", after, before)
			}
		}
		left, err := filepath.Glob(world + "/*/.clarity*")
		if must(t, err); len(left) > 0 {
			t.Fatalf("%v are left", left)
		}
		must(t, os.RemoveAll(world))
	})
}

func both(t fataler, paths []index.Path) string {
	var out []string
	for _, p := range paths {
		out = append(out, string(p)+"\n"+look(t, string(p)))
	}
	return strings.ReplaceAll(strings.Join(out, "\n"), "\x00", "")
}
