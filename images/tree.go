package images

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
)

// Rank orders the contributors to a tree: where two bring the same path, the
// higher rank has it, whatever was added first.
type Rank uint8

// The ranks, lowest first.
const (
	RankBase       Rank = iota // the definition's base tree
	RankPackage                // Debian packages
	RankOwn                    // PID 1, components, busybox, kernel modules
	RankDefinition             // the definition's commands, files, links, units
)

// Entry is one path of a tree. A regular file's bytes are Data or, when Source
// is set, that file's of this machine.
type Entry struct {
	Mode         fs.FileMode // type, permissions, setuid, setgid, sticky
	UID, GID     int
	Data         []byte
	Source       string
	Link         string // a symbolic link's target
	Major, Minor uint32 // a device's numbers

	Part string // who brought it, e.g. "package redis-server"
	Rank Rank
}

// Bytes returns a regular file's content.
func (e *Entry) Bytes() ([]byte, error) {
	if e.Source == "" {
		return e.Data, nil
	}
	return os.ReadFile(e.Source)
}

// Tree is a root file system that is being put together: a value in memory, so
// nobody needs root to own files in it. Paths are stored without the leading
// slash and usr-merged. Not safe for concurrent use.
type Tree struct {
	entries map[string]*Entry
	because map[string]string // see Image.Because
}

// note keeps why a part, a module or a file is there.
func (t *Tree) note(what, why string) {
	if t.because == nil {
		t.because = map[string]string{}
	}
	t.because[what] = why
}

// NewTree returns a tree with the folders and links that every root has.
func NewTree() *Tree {
	t := &Tree{entries: map[string]*Entry{}}
	dir := func(p string, mode fs.FileMode) {
		t.entries[p] = &Entry{Mode: fs.ModeDir | mode, Part: "skeleton"}
	}
	for _, p := range []string{"dev", "etc", "home", "mnt", "proc", "run", "srv", "sys", "usr", "usr/bin",
		"usr/sbin", "usr/lib", "usr/lib64", "usr/share", "var", "var/cache", "var/lib", "var/log", "var/spool"} {
		dir(p, 0o755)
	}
	dir("root", 0o700)
	dir("tmp", 0o777|fs.ModeSticky)
	dir("var/tmp", 0o777|fs.ModeSticky)
	for p, target := range map[string]string{"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib",
		"lib64": "usr/lib64", "var/run": "/run", "var/lock": "/run/lock"} {
		t.entries[p] = &Entry{Mode: fs.ModeSymlink | 0o777, Link: target, Part: "skeleton"}
	}
	for p, d := range map[string][3]uint32{"dev/console": {5, 1, 0o600}, "dev/null": {1, 3, 0o666}, "dev/kmsg": {1, 11, 0o644}} {
		t.entries[p] = &Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | fs.FileMode(d[2]),
			Major: d[0], Minor: d[1], Part: "skeleton"}
	}
	return t
}

// Put adds e at p. Folders merge; for anything else the higher rank wins, and
// two different contents of one rank are an error that names both parts.
// Missing parents are made, owned by root with mode 0755.
func (t *Tree) Put(p string, e Entry) error {
	p, err := t.locate(p)
	if err != nil {
		return fmt.Errorf("%s: %w", e.Part, err)
	}
	if p == "." {
		return nil
	}
	if err := t.parents(p, e); err != nil {
		return err
	}
	old := t.entries[p]
	switch {
	case old == nil:
	case old.Mode.IsDir() && e.Mode.IsDir():
		if old.Part != "skeleton" && e.Rank < old.Rank {
			return nil
		}
	case e.Mode.IsDir() && old.Mode&fs.ModeSymlink != 0 && t.isDir(p):
		return nil // a folder that a link already leads to
	case e.Rank < old.Rank:
		return nil
	case e.Rank == old.Rank && !t.same(old, &e):
		return fmt.Errorf("/%s: %s and %s both bring it, with different content; leave one of them out",
			p, old.Part, e.Part)
	case old.Mode.IsDir() && t.hasChildren(p):
		return fmt.Errorf("/%s: %s has a folder with files there, %s something else", p, old.Part, e.Part)
	}
	t.entries[p] = &e
	return nil
}

// locate cleans p and follows the links that its folders go through.
func (t *Tree) locate(p string) (string, error) {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if p == "" {
		return ".", nil
	}
	done, rest := "", strings.Split(p, "/")
	for hops := 0; len(rest) > 1; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		e := t.entries[next]
		if e == nil || e.Mode&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		if hops++; hops > 40 {
			return "", fmt.Errorf("/%s: too many symbolic links", p)
		}
		to := e.Link
		if !path.IsAbs(to) {
			to = path.Join("/", done, to)
		}
		done, rest = "", append(strings.Split(strings.Trim(path.Clean(to), "/"), "/"), rest...)
	}
	return path.Join(done, rest[0]), nil
}

func (t *Tree) parents(p string, e Entry) error {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		old := t.entries[dir]
		if old == nil {
			t.entries[dir] = &Entry{Mode: fs.ModeDir | 0o755, Part: "skeleton"}
			continue
		}
		if !old.Mode.IsDir() {
			return fmt.Errorf("/%s: %s needs /%s to be a folder, but %s made it a file", p, e.Part, dir, old.Part)
		}
	}
	return nil
}

func (t *Tree) isDir(p string) bool {
	e := t.Follow(p)
	return e != nil && e.Mode.IsDir()
}

func (t *Tree) hasChildren(p string) bool {
	for q := range t.entries {
		if strings.HasPrefix(q, p+"/") {
			return true
		}
	}
	return false
}

func (t *Tree) same(a, b *Entry) bool {
	if a.Mode != b.Mode || a.UID != b.UID || a.GID != b.GID || a.Link != b.Link {
		return false
	}
	x, err1 := a.Bytes()
	y, err2 := b.Bytes()
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// Get returns the entry at p itself, a link unfollowed; nil if there is none.
func (t *Tree) Get(p string) *Entry {
	p, err := t.locate(p)
	if err != nil {
		return nil
	}
	return t.entries[p]
}

// Resolve follows p through all links to the path of what is there; false if
// it leads nowhere.
func (t *Tree) Resolve(p string) (string, bool) {
	for range 40 {
		at, err := t.locate(p)
		if err != nil {
			return "", false
		}
		e := t.entries[at]
		if e == nil {
			return at, at == "."
		}
		if e.Mode&fs.ModeSymlink == 0 {
			return at, true
		}
		p = e.Link
		if !path.IsAbs(p) {
			p = path.Join("/", path.Dir(at), p)
		}
	}
	return "", false
}

// Follow returns the entry that p leads to, or nil.
func (t *Tree) Follow(p string) *Entry {
	at, ok := t.Resolve(p)
	if !ok {
		return nil
	}
	return t.entries[at]
}

// Remove drops p and all below it.
func (t *Tree) Remove(p string) {
	p, err := t.locate(p)
	if err != nil {
		return
	}
	for q := range t.entries {
		if q == p || strings.HasPrefix(q, p+"/") {
			delete(t.entries, q)
		}
	}
}

// Paths lists all paths, sorted, without leading slashes; parents come before
// their children.
func (t *Tree) Paths() []string {
	paths := make([]string, 0, len(t.entries))
	for p := range t.entries {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths
}

// File adds a regular file with the given permissions, owned by root.
func (t *Tree) File(part string, rank Rank, p string, perm fs.FileMode, data []byte) error {
	return t.Put(p, Entry{Mode: perm, Data: data, Part: part, Rank: rank})
}

// Symlink adds a symbolic link.
func (t *Tree) Symlink(part string, rank Rank, p, target string) error {
	return t.Put(p, Entry{Mode: fs.ModeSymlink | 0o777, Link: target, Part: part, Rank: rank})
}
