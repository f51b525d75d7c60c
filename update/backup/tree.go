package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
)

// tree is what comes in the place of a path, while it is made beside that.
type tree struct {
	dir    *os.File // in which the path lies; nil: that is not there, and nothing is to come
	name   string   // of the path in it
	temp   string   // … of what is made
	absent bool     // nothing is to lie there
	open   []made   // folders in each other, and last a file
}

// made is what was made, and is not finished.
type made struct {
	index.Entry
	in   *os.File // the folder in which it lies
	name string   // in there
	f    *os.File
}

// newTree begins one. What an earlier one has left is removed.
func newTree(root string, p index.Path, absent bool) (*tree, error) {
	t := &tree{absent: absent, temp: fmt.Sprintf(".clarity-restore-%x", sha256.Sum256([]byte(p)))[:33]}
	var err error
	if !absent {
		err = makeParents(root, p)
	}
	if err == nil {
		t.dir, t.name, err = parent(root, p)
	}
	if absent && errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if err := t.remove(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// makeParents makes the folders in which a path lies.
func makeParents(root string, p index.Path) error {
	dir, err := os.Open(root)
	if err != nil {
		return err
	}
	defer func() { dir.Close() }()
	for part := range strings.SplitSeq(strings.TrimPrefix(path.Dir(string(p)), "/"), "/") {
		if part == "" {
			break
		}
		if err := unix.Mkdirat(int(dir.Fd()), part, 0o755); err != nil && err != unix.EEXIST {
			return fmt.Errorf("make folder %s: %w", path.Join(dir.Name(), part), err)
		}
		sub, err := openBeneath(dir, part)
		if err != nil {
			return err
		}
		dir.Close()
		dir = sub
	}
	return nil
}

// add makes what an entry says, in the order of an index.
func (t *tree) add(e index.Entry) error {
	if e.Type == index.Absent {
		return nil
	}
	dir, name := t.dir, t.temp
	if e.Name != "" {
		folder := index.Name(strings.TrimPrefix(path.Dir("/"+string(e.Name)), "/"))
		for top := t.open[len(t.open)-1]; top.Type != index.Folder || top.Name != folder; top = t.open[len(t.open)-1] {
			if err := t.finish(); err != nil {
				return err
			}
		}
		dir, name = t.open[len(t.open)-1].f, path.Base(string(e.Name))
	}
	m := made{Entry: e, in: dir, name: name}
	var err error
	switch fd := int(dir.Fd()); e.Type {
	case index.Folder:
		if err = unix.Mkdirat(fd, name, 0o700); err == nil {
			m.f, err = openAt(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
	case index.File:
		m.f, err = openAt(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
		if err == nil {
			err = m.f.Truncate(e.Size)
		}
	case index.Symlink:
		err = unix.Symlinkat(string(e.Target), fd, name)
	case index.Link:
		return t.link(dir, name, e.Target)
	case index.Char:
		err = unix.Mknodat(fd, name, unix.S_IFCHR|0o600, int(e.Device))
	case index.Block:
		err = unix.Mknodat(fd, name, unix.S_IFBLK|0o600, int(e.Device))
	case index.Fifo:
		err = unix.Mknodat(fd, name, unix.S_IFIFO|0o600, 0)
	}
	if m.f != nil {
		t.open = append(t.open, m)
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", path.Join(dir.Name(), name), err)
	}
	if m.f == nil {
		return m.properties()
	}
	return nil
}

// link gives a file of the tree a further name.
func (t *tree) link(dir *os.File, name string, to index.Name) error {
	in, base := path.Split(path.Join(t.temp, string(to)))
	folder, err := openBeneath(t.dir, strings.TrimSuffix(in, "/"))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := unix.Linkat(int(folder.Fd()), base, int(dir.Fd()), name, 0); err != nil {
		return fmt.Errorf("link %s to %s: %w", path.Join(dir.Name(), name), path.Join(folder.Name(), base), err)
	}
	return nil
}

// write writes into the file that was made last.
func (t *tree) write(b []byte, at int64) error {
	_, err := t.open[len(t.open)-1].f.WriteAt(b, at)
	return err
}

// finish gives what is innermost its properties.
func (t *tree) finish() error {
	m := t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
	return errors.Join(m.f.Close(), m.properties())
}

// end finishes all of the tree.
func (t *tree) end() error {
	for len(t.open) > 0 {
		if err := t.finish(); err != nil {
			return err
		}
	}
	return nil
}

// remove removes what has the temporary name: a tree that is not used, or what it has
// replaced.
func (t *tree) remove() error {
	if t.dir == nil {
		return nil
	}
	return removeAll(t.dir, t.temp)
}

func (t *tree) close() {
	for _, m := range t.open {
		m.f.Close()
	}
	if t.dir != nil {
		t.dir.Close()
	}
}

// acls are the attributes that a new file has from its folder (acl(5)).
var acls = [...]string{"system.posix_acl_access", "system.posix_acl_default"}

// properties gives what was made its owner, mode, attributes and time, in the order in which
// none of them undoes another: a change of owner takes capabilities and set-uid bits away, and
// with an ACL the mode of the group is another thing.
func (m *made) properties() error {
	if err := m.setProperties(); err != nil {
		return fmt.Errorf("%s: %w", path.Join(m.in.Name(), m.name), err)
	}
	return nil
}

func (m *made) setProperties() error {
	fd, place := int(m.in.Fd()), viaProc(m.in, m.name)
	st, err := statAt(m.in, m.name)
	if err != nil {
		return err
	}
	if st.Uid != m.UID || st.Gid != m.GID {
		if err := unix.Fchownat(fd, m.name, int(m.UID), int(m.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("give it to user %d and group %d: %w", m.UID, m.GID, err)
		}
	}
	if m.Type != index.Symlink {
		for _, name := range acls {
			if err := unix.Lremovexattr(place, name); err != nil && err != unix.ENODATA && err != unix.ENOTSUP {
				return fmt.Errorf("remove attribute %s: %w", name, err)
			}
		}
		if err := unix.Fchmodat(fd, m.name, m.Mode, 0); err != nil {
			return fmt.Errorf("set mode %#o: %w", m.Mode, err)
		}
	}
	for _, a := range m.Attrs {
		if err := unix.Lsetxattr(place, string(a.Name), a.Value, 0); err != nil {
			return fmt.Errorf("set attribute %s: %w", a.Name, err)
		}
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: m.Mtime[0], Nsec: m.Mtime[1]}}
	if err := unix.UtimesNanoAt(fd, m.name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set the time: %w", err)
	}
	return nil
}
