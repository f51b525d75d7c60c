package images

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/erofs/go-erofs"
	"golang.org/x/sys/unix"
)

// WriteErofs writes the tree as an EROFS file system, uncompressed, every file with the
// time epoch. The bytes depend on nothing else.
func (t *Tree) WriteErofs(w io.WriteSeeker, epoch int64) error {
	fsys := erofs.Create(w, erofs.WithBuildTime(uint64(epoch), 0))
	when := time.Unix(epoch, 0)
	for _, p := range t.Paths() {
		if err := t.putErofs(fsys, p, when); err != nil {
			return fmt.Errorf("file system /%s: %w", p, err)
		}
	}
	if err := errors.Join(fsys.Mkdir("/", 0o755), fsys.Chtimes("/", when, when)); err != nil {
		return fmt.Errorf("file system /: %w", err)
	}
	if err := fsys.Close(); err != nil {
		return fmt.Errorf("file system: %w", err)
	}
	return nil
}

func (t *Tree) putErofs(fsys *erofs.Writer, p string, when time.Time) (err error) {
	e, name := t.entries[p], "/"+p
	switch {
	case e.Mode.IsDir():
		err = fsys.Mkdir(name, e.Mode.Perm())
	case e.Mode&fs.ModeSymlink != 0:
		err = fsys.Symlink(e.Link, name)
	case e.Mode.IsRegular():
		err = t.fileErofs(fsys, name, e)
	default:
		err = fsys.Mknod(name, uint16(unixMode(e.Mode)), uint32(unix.Mkdev(e.Major, e.Minor)))
	}
	if err != nil {
		return err
	}
	if e.Mode&fs.ModeSymlink == 0 {
		if err := fsys.Chmod(name, e.Mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil {
			return err
		}
	}
	return errors.Join(fsys.Chown(name, e.UID, e.GID), fsys.Chtimes(name, when, when))
}

func (t *Tree) fileErofs(fsys *erofs.Writer, name string, e *Entry) error {
	data, err := e.Bytes()
	if err != nil {
		return err
	}
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
