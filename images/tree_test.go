package images

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func put(t *testing.T, tree *Tree, p string, e Entry) {
	t.Helper()
	if err := tree.Put(p, e); err != nil {
		t.Fatal(err)
	}
}

func TestTreeConflicts(t *testing.T) {
	file := func(part string, rank Rank, text string) Entry {
		return Entry{Mode: 0o644, Data: []byte(text), Part: part, Rank: rank}
	}
	folder := Entry{Mode: fs.ModeDir | 0o700, Part: "package d", Rank: RankPackage}
	link := Entry{Mode: fs.ModeSymlink | 0o777, Link: "target", Part: "package l", Rank: RankPackage}
	for _, test := range []struct {
		name   string
		path   string
		puts   []Entry
		winner string // part
		err    string
	}{
		{"definition over package", "etc/x", []Entry{file("package a", RankPackage, "1"), file("definition", RankDefinition, "2")}, "definition", ""},
		{"whatever came first", "etc/x", []Entry{file("definition", RankDefinition, "2"), file("package a", RankPackage, "1")}, "definition", ""},
		{"two packages, same file", "etc/x", []Entry{file("package a", RankPackage, "1"), file("package b", RankPackage, "1")}, "package b", ""},
		{"two packages, two contents", "etc/x", []Entry{file("package a", RankPackage, "1"), file("package b", RankPackage, "2")}, "",
			"/etc/x: package a and package b both bring it, with different content; leave one of them out"},
		{"link instead of a file", "etc/x", []Entry{file("base", RankBase, "1"), link}, "package l", ""},
		{"a folder's own mode", "etc", []Entry{folder}, "package d", ""},
		{"a folder where a link leads to one", "var/run", []Entry{folder}, "skeleton", ""},
		{"a file where a folder has files", "usr", []Entry{file("definition", RankDefinition, "1")}, "",
			"/usr: skeleton has a folder with files there, definition something else"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := NewTree()
			var err error
			for _, e := range test.puts {
				if err == nil {
					err = tree.Put(test.path, e)
				}
			}
			if got := fmt.Sprint(err); got != test.err && (err != nil || test.err != "") {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if err == nil && tree.Get(test.path).Part != test.winner {
				t.Errorf("%s has it, want %s", tree.Get(test.path).Part, test.winner)
			}
		})
	}
}

func TestTreeFollowsItsLinks(t *testing.T) {
	tree := NewTree()
	put(t, tree, "/bin/sh", Entry{Mode: 0o755, Data: []byte("shell")})
	put(t, tree, "/etc/alternatives/pager", Entry{Mode: fs.ModeSymlink | 0o777, Link: "/bin/sh"})
	put(t, tree, "/usr/bin/pager", Entry{Mode: fs.ModeSymlink | 0o777, Link: "../../etc/alternatives/pager"})
	put(t, tree, "/etc/loop", Entry{Mode: fs.ModeSymlink | 0o777, Link: "loop"})
	if !slices.Contains(tree.Paths(), "usr/bin/sh") {
		t.Errorf("/bin/sh is not in /usr/bin: %q", tree.Paths())
	}
	if at, ok := tree.Resolve("bin/pager"); !ok || at != "usr/bin/sh" {
		t.Errorf("pager leads to %q, %v", at, ok)
	}
	if tree.Follow("etc/loop") != nil {
		t.Error("a loop leads somewhere")
	}
	if text, err := fs.ReadFile(tree.FS(), "bin/pager"); err != nil || string(text) != "shell" {
		t.Errorf("reading through links: %q, %v", text, err)
	}
	if err := tree.Put("etc/loop/x", Entry{Part: "p"}); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Errorf("a file below a loop: %v", err)
	}
}

func TestTreeIsAFileSystem(t *testing.T) {
	tree := &Tree{entries: map[string]*Entry{}}
	put(t, tree, "etc/passwd", Entry{Mode: 0o644, Data: []byte("root")})
	put(t, tree, "usr/bin/su", Entry{Mode: fs.ModeSetuid | 0o755, Data: []byte("su")})
	if err := fstest.TestFS(tree.FS(), "etc/passwd", "usr/bin/su"); err != nil {
		t.Error(err)
	}
}

// The archive depends on what is in the tree, not on the order in which it came,
// and reads back as it was.
func TestArchive(t *testing.T) {
	entries := map[string]Entry{
		"usr/bin/su": {Mode: fs.ModeSetuid | 0o755, Data: []byte("odd")},
		"etc/x":      {Mode: 0o640, UID: 7, GID: 8, Data: []byte("four")},
		"etc/y":      {Mode: fs.ModeSymlink | 0o777, Link: "x"},
		"srv/d":      {Mode: fs.ModeDir | fs.ModeSticky | 0o777, UID: 1},
	}
	var archives [2]bytes.Buffer
	for i := range archives {
		tree := NewTree()
		for _, p := range [][]string{{"usr/bin/su", "etc/x", "etc/y", "srv/d"}, {"srv/d", "etc/y", "etc/x", "usr/bin/su"}}[i] {
			put(t, tree, p, entries[p])
		}
		if err := tree.WriteNewc(&archives[i], 1700000000); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0].Bytes(), archives[1].Bytes()) {
		t.Error("the archive depends on the order of additions")
	}
	got := map[string]Entry{}
	order := []string{}
	err := walkNewc(&archives[0], func(f File, r io.Reader) error {
		text, err := io.ReadAll(r)
		if len(text) == 0 {
			text = nil
		}
		got[f.Path] = Entry{Mode: f.Mode, UID: f.UID, GID: f.GID, Data: text, Link: f.Link}
		order = append(order, f.Path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for p, e := range entries {
		if diff := cmp.Diff(e, got["/"+p]); diff != "" {
			t.Errorf("/%s (-want +got):\n%s", p, diff)
		}
	}
	if got["/dev/console"].Mode != fs.ModeDevice|fs.ModeCharDevice|0o600 {
		t.Errorf("/dev/console is %v", got["/dev/console"].Mode)
	}
	if !slices.IsSorted(order) {
		t.Errorf("not sorted: %q", order)
	}
}

func FuzzWalkNewc(f *testing.F) {
	var b bytes.Buffer
	if err := NewTree().WriteNewc(&b, 1); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(_ *testing.T, file []byte) {
		_ = walkNewc(bytes.NewReader(file), func(File, io.Reader) error { return nil })
	})
}
