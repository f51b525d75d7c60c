package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/update/etc"
)

// carry takes the changes that one folder has, if it is there, to another one, for a version that
// has lower as its /etc.
func carry(from, to, lower string, say func(string)) error {
	changed, target := filepath.Join(from, upper), filepath.Join(to, upper)
	if there, err := exists(changed); err != nil || !there {
		return errors.Join(err, os.Mkdir(target, 0o755))
	}
	return walk(changed, func(path, rel string, info fs.FileInfo) error {
		was, theirs := filepath.Join(from, base, rel), filepath.Join(lower, rel)
		if !info.Mode().IsRegular() {
			return carryOther(path, filepath.Join(target, rel), info, was, theirs)
		}
		notes, err := carryFile(path, filepath.Join(target, rel), info, was, theirs, rel)
		where := ""
		if there, _ := exists(theirs); there { // what cannot be looked at was told of above
			where = "; the new version's is " + filepath.Join(strings.TrimSuffix(to, ".new"), base, rel)
		}
		for _, n := range notes {
			say(fmt.Sprintf("/etc/%s: %s%s", rel, n, where))
		}
		return err
	})
}

// copyFiles copies folders and regular files, with owners and modes.
func copyFiles(from, to string) error {
	return walk(from, func(path, rel string, info fs.FileInfo) error {
		target := filepath.Join(to, rel)
		switch {
		case info.IsDir():
			return errors.Join(os.Mkdir(target, 0o700), dress(target, info))
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(target, b, 0o600), dress(target, info))
		}
		return nil
	})
}

// carryFile merges a file. Owner and mode are those that it has here, unless nobody has changed
// them: then they are the new version's.
func carryFile(path, target string, info fs.FileInfo, was, theirs, rel string) (notes []string, err error) {
	before, err1 := regular(was)
	here, err2 := regular(path)
	there, err3 := regular(theirs)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	merged, notes := etc.Merge(rel, before.bytes, here.bytes, there.bytes)
	if merged == nil {
		return notes, nil
	}
	if before.bytes != nil && there.bytes != nil && sameDress(before.info, info) {
		info = there.info
	}
	return notes, errors.Join(os.WriteFile(target, merged, 0o600), dress(target, info), copyAttributes(path, target))
}

// sameDress says whether owners and modes are the same.
func sameDress(a, b fs.FileInfo) bool {
	x, y := a.Sys().(*syscall.Stat_t), b.Sys().(*syscall.Stat_t)
	return x.Mode == y.Mode && x.Uid == y.Uid && x.Gid == y.Gid
}

// ofOverlay is what names of extended attributes begin with that are an overlay's own.
const ofOverlay = "trusted.overlay."

// copyAttributes copies extended attributes, as access lists are.
func copyAttributes(from, to string) error {
	names := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Llistxattr(from, names)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("attributes of %s: %w", from, err)
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		if name == "" || strings.HasPrefix(name, ofOverlay) {
			continue
		}
		n, err := unix.Lgetxattr(from, name, value)
		if err == nil {
			err = unix.Lsetxattr(to, name, value[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("attribute %s of %s: %w", name, from, err)
		}
	}
	return nil
}

// content is what a regular file has; of none all is nil.
type content struct {
	bytes []byte
	info  fs.FileInfo
}

// regular reads a regular file, if there is one.
func regular(path string) (c content, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || err == nil && !info.Mode().IsRegular() {
		return c, nil
	}
	if err == nil {
		c.info = info
		c.bytes, err = os.ReadFile(path)
	}
	return c, err
}

// carryOther copies what is no regular file of an overlay's upper folder: a folder without what is
// in it, a link, and what says that something is gone. The latter, and that a folder hides the one
// below it, is of what was there, and is to be.
func carryOther(from, to string, info fs.FileInfo, was, theirs string) error {
	switch info.Mode().Type() {
	case fs.ModeDir:
		err := errors.Join(os.Mkdir(to, 0o700), dress(to, info), copyAttributes(from, to))
		if had, wrong := exists(was); err != nil || wrong != nil || !had {
			return errors.Join(err, wrong)
		}
		const hides = ofOverlay + "opaque"
		if _, err := unix.Lgetxattr(from, hides, nil); err == nil {
			return unix.Lsetxattr(to, hides, []byte("y"), 0)
		}
	case fs.ModeSymlink:
		target, err := os.Readlink(from)
		st := info.Sys().(*syscall.Stat_t)
		return errors.Join(err, os.Symlink(target, to), os.Lchown(to, int(st.Uid), int(st.Gid)))
	case fs.ModeDevice | fs.ModeCharDevice:
		if has, err := exists(theirs); err != nil || !has {
			return err
		}
		return unix.Mknod(to, unix.S_IFCHR, 0)
	}
	return nil // no service runs yet that could listen or wait there
}
