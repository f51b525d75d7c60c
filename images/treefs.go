package images

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// FS shows a tree as an fs.FS that follows symbolic links inside the tree, and
// as an fs.ReadLinkFS. Times are the zero time: a tree has only one, its epoch.
func (t *Tree) FS() fs.FS { return treeFS{t} }

type treeFS struct{ t *Tree }

func (f treeFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	at, ok := f.t.Resolve(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	e := f.t.entries[at]
	if at == "." {
		e = &Entry{Mode: fs.ModeDir | 0o755}
	}
	info := treeInfo{path.Base(name), e}
	if e.Mode.IsDir() {
		return &treeDir{info, f.list(at)}, nil
	}
	data, err := e.Bytes()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &treeFile{info, bytes.NewReader(data)}, nil
}

func (f treeFS) list(dir string) []fs.DirEntry {
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	var list []fs.DirEntry
	for p, e := range f.t.entries {
		if rest, ok := strings.CutPrefix(p, prefix); ok && !strings.Contains(rest, "/") {
			list = append(list, fs.FileInfoToDirEntry(treeInfo{rest, e}))
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	return list
}

// ReadLink returns the target of the symbolic link at name.
func (f treeFS) ReadLink(name string) (string, error) {
	e := f.t.Get(name)
	if e == nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrNotExist}
	}
	if e.Mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return e.Link, nil
}

// Lstat describes name itself, a symbolic link unfollowed.
func (f treeFS) Lstat(name string) (fs.FileInfo, error) {
	if name == "." {
		return treeInfo{".", &Entry{Mode: fs.ModeDir | 0o755}}, nil
	}
	e := f.t.Get(name)
	if e == nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return treeInfo{path.Base(name), e}, nil
}

type treeInfo struct {
	name string
	e    *Entry
}

func (i treeInfo) Name() string       { return i.name }
func (i treeInfo) Mode() fs.FileMode  { return i.e.Mode }
func (i treeInfo) ModTime() time.Time { return time.Time{} }
func (i treeInfo) IsDir() bool        { return i.e.Mode.IsDir() }
func (i treeInfo) Sys() any           { return i.e }
func (i treeInfo) Size() int64 {
	data, err := i.e.Bytes()
	if err != nil {
		return 0
	}
	return int64(len(data))
}

type treeFile struct {
	info treeInfo
	*bytes.Reader
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *treeFile) Close() error               { return nil }

type treeDir struct {
	info treeInfo
	rest []fs.DirEntry
}

func (d *treeDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *treeDir) Close() error               { return nil }
func (d *treeDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

// ReadDir returns the next n entries, or all that are left when n <= 0.
func (d *treeDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n >= len(d.rest) {
		all := d.rest
		d.rest = nil
		if n > 0 && len(all) == 0 {
			return nil, io.EOF
		}
		return all, nil
	}
	some := d.rest[:n]
	d.rest = d.rest[n:]
	return some, nil
}
