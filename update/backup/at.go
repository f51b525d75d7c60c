package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
)

// openBeneath opens a folder below another one, where no symbolic link is followed.
func openBeneath(root *os.File, name string) (*os.File, error) {
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := retry(func() (int, error) { return unix.Openat2(int(root.Fd()), name, &how) })
	if err != nil {
		if err == unix.ELOOP {
			err = errors.New("a symbolic link leads elsewhere; name the path where it lies")
		}
		return nil, fmt.Errorf("open folder %s: %w", path.Join(root.Name(), name), err)
	}
	return os.NewFile(uintptr(fd), path.Join(root.Name(), name)), nil
}

// parent opens the folder in which a path lies, below root, and gives its name in there.
func parent(root string, p index.Path) (dir *os.File, name string, err error) {
	top, err := os.Open(root)
	if err != nil {
		return nil, "", err
	}
	defer top.Close()
	folder, name := path.Split(strings.TrimPrefix(string(p), "/"))
	dir, err = openBeneath(top, strings.TrimSuffix(folder, "/"))
	return dir, name, err
}

// openAt opens what has a name in a folder, and is no symbolic link.
func openAt(dir *os.File, name string, flags int, mode uint32) (*os.File, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path.Join(dir.Name(), name), err)
	}
	return os.NewFile(uintptr(fd), path.Join(dir.Name(), name)), nil
}

// statAt looks at what has a name in a folder.
func statAt(dir *os.File, name string) (st unix.Stat_t, err error) {
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return st, fmt.Errorf("look at %s: %w", path.Join(dir.Name(), name), err)
	}
	return st, nil
}

// retry makes a system call again that a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// names gives those of a folder, in order.
func names(dir *os.File) ([]string, error) {
	all, err := dir.Readdirnames(index.EntriesMost + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list folder %s: %w", dir.Name(), err)
	}
	if len(all) > index.EntriesMost {
		return nil, fmt.Errorf("folder %s has more than %d entries", dir.Name(), index.EntriesMost)
	}
	slices.Sort(all)
	return all, nil
}

// viaProc names what has a name in a folder for system calls that take no folder.
func viaProc(dir *os.File, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)
}

// attrs gives the extended attributes of what has a name in a folder.
func attrs(dir *os.File, name string) (out []index.Attr, err error) {
	place := viaProc(dir, name)
	list, err := sized(func(b []byte) (int, error) { return unix.Llistxattr(place, b) })
	if err == unix.ENOTSUP {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the attributes of %s: %w", path.Join(dir.Name(), name), err)
	}
	var keys []string
	for one := range bytes.SplitSeq(list, []byte{0}) {
		if len(one) > 0 {
			keys = append(keys, string(one))
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		value, err := sized(func(b []byte) (int, error) { return unix.Lgetxattr(place, key, b) })
		if err != nil {
			return nil, fmt.Errorf("read attribute %s of %s: %w", key, path.Join(dir.Name(), name), err)
		}
		out = append(out, index.Attr{Name: index.Name(key), Value: value})
	}
	return out, nil
}

// sized makes a call that says how much room it needs when it has none.
func sized(call func([]byte) (int, error)) ([]byte, error) {
	n, err := call(nil)
	if err != nil || n == 0 {
		return []byte{}, err
	}
	b := make([]byte, n)
	if n, err = call(b); err != nil {
		return nil, err
	}
	return b[:n], nil
}

// removeAll removes what has a name in a folder, and what is in it.
func removeAll(dir *os.File, name string) error {
	root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(name); err != nil {
		return fmt.Errorf("remove %s: %w", path.Join(dir.Name(), name), err)
	}
	return nil
}

// readFull reads until there is no more, or no more room.
func readFull(from io.Reader, to []byte) (int, error) {
	n, err := io.ReadFull(from, to)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}
