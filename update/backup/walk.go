package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
	"clarityos/update/chunks"
)

// inode is a file, whatever its names.
type inode struct{ dev, ino uint64 }

// walk backs up what lies at a path.
type walk struct {
	ctx    context.Context
	store  *store
	out    *index.Writer
	path   int                  // index of the header's
	device uint64               // its file system
	seen   map[inode]index.Name // files that have more than one name
	small  []byte
}

// top backs up what lies at the path.
func (w *walk) top(p index.Path) error {
	dir, name, err := parent("/", p)
	if errors.Is(err, os.ErrNotExist) {
		return w.out.Entry(index.Entry{Path: w.path, Type: index.Absent})
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	st, err := statAt(dir, name)
	if errors.Is(err, os.ErrNotExist) {
		return w.out.Entry(index.Entry{Path: w.path, Type: index.Absent})
	}
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFSOCK {
		return fmt.Errorf("%s is a socket, which cannot be backed up", p)
	}
	w.device = st.Dev
	return w.entry(dir, name, "", st)
}

// entry backs up what has a name in a folder.
func (w *walk) entry(dir *os.File, name string, is index.Name, st unix.Stat_t) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	where := path.Join(dir.Name(), name)
	if st.Dev != w.device {
		return fmt.Errorf("another file system is mounted on %s; unmount it, or name a path without it", where)
	}
	e := index.Entry{
		Path: w.path, Name: is, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid,
		Mtime: &[2]int64{int64(st.Mtim.Sec), int64(st.Mtim.Nsec)},
	}
	var err error
	kind := st.Mode & unix.S_IFMT
	switch kind {
	case unix.S_IFSOCK:
		return nil
	case unix.S_IFREG:
		e.Type, e.Size = index.File, st.Size
	case unix.S_IFDIR:
		e.Type = index.Folder
	case unix.S_IFLNK:
		e.Type = index.Symlink
		target, err := readlink(dir, name)
		if err != nil {
			return err
		}
		e.Target = index.Name(target)
	case unix.S_IFCHR:
		e.Type, e.Device = index.Char, st.Rdev
	case unix.S_IFBLK:
		e.Type, e.Device = index.Block, st.Rdev
	case unix.S_IFIFO:
		e.Type = index.Fifo
	default:
		return fmt.Errorf("%s is of a type that is not known, %#o", where, kind)
	}
	if st.Nlink > 1 && kind != unix.S_IFDIR {
		id := inode{st.Dev, st.Ino}
		if first, has := w.seen[id]; has {
			return w.out.Entry(index.Entry{Path: w.path, Name: is, Type: index.Link, Target: first})
		}
		w.seen[id] = is
	}
	if e.Attrs, err = attrs(dir, name); err != nil {
		return err
	}
	if err := w.out.Entry(e); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	switch kind {
	case unix.S_IFREG:
		return w.content(dir, name, st, w.file)
	case unix.S_IFDIR:
		return w.content(dir, name, st, func(f *os.File, _ int64) error { return w.folder(f, is) })
	}
	return nil
}

// content opens what was looked at for do, and says so if it is not the same afterwards.
func (w *walk) content(dir *os.File, name string, st unix.Stat_t, do func(f *os.File, size int64) error) error {
	f, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	before, err := same(f, st)
	if err == nil {
		err = do(f, before.Size)
	}
	if err == nil {
		_, err = same(f, before)
	}
	return err
}

// same says whether a file is what was looked at, and as it was.
func same(f *os.File, was unix.Stat_t) (st unix.Stat_t, err error) {
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return st, fmt.Errorf("look at %s: %w", f.Name(), err)
	}
	if st.Dev != was.Dev || st.Ino != was.Ino || st.Mode != was.Mode || st.Size != was.Size || st.Mtim != was.Mtim || st.Ctim != was.Ctim {
		return st, fmt.Errorf("%s has changed while it was read; stop what writes to it", f.Name())
	}
	return st, nil
}

// folder backs up what is in a folder.
func (w *walk) folder(dir *os.File, is index.Name) error {
	all, err := names(dir)
	if err != nil {
		return err
	}
	for _, name := range all {
		st, err := statAt(dir, name)
		if err != nil {
			return err
		}
		if err := w.entry(dir, name, index.Name(path.Join(string(is), name)), st); err != nil {
			return err
		}
	}
	return nil
}

// file backs up what is in a file, without its holes.
func (w *walk) file(f *os.File, size int64) error {
	for at := int64(0); at < size; {
		begin, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		var end int64
		if err == nil {
			end, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
		}
		if err != nil {
			return fmt.Errorf("look for holes in %s: %w", f.Name(), err)
		}
		at = min(end, size)
		if err := w.data(f, begin, at); err != nil {
			return err
		}
	}
	return nil
}

// data backs up a part of a file. What fits into the smallest chunk is not cut.
func (w *walk) data(f *os.File, at, end int64) error {
	keep := func(chunk []byte) error {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		h, err := w.store.put(chunk)
		if err != nil {
			return err
		}
		at += int64(len(chunk))
		return w.out.Chunk(index.Chunk{At: at - int64(len(chunk)), Size: int64(len(chunk)), Hash: h})
	}
	part := io.NewSectionReader(f, at, end-at)
	var err error
	if part.Size() > chunks.SizeLeast {
		err = chunks.Split(part, keep)
	} else {
		if w.small == nil {
			w.small = make([]byte, chunks.SizeLeast)
		}
		var n int
		if n, err = readFull(part, w.small); err == nil && n > 0 {
			err = keep(w.small[:n])
		}
	}
	if err == nil && at != end {
		err = errors.New("it has changed while it was read; stop what writes to it")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// readlink gives the target of a symbolic link.
func readlink(dir *os.File, name string) (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.Fd()), name, b)
	if err != nil {
		return "", fmt.Errorf("read symbolic link %s: %w", path.Join(dir.Name(), name), err)
	}
	return string(b[:n]), nil
}
