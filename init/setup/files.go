package setup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// applyRule makes what one line of tmpfiles.d describes. It follows no link in
// the last part of a path, since services own some of the folders.
func applyRule(r plan.FileRule) error {
	switch r.Type {
	case "d", "D", "e":
		return directory(r)
	case "f", "f+":
		return file(r)
	case "w", "w+":
		return write(r)
	case "L", "L+":
		return symlink(r)
	case "p", "p+":
		if err := unix.Mkfifo(r.Path, mode(r, 0o644)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return own(r.Path, r, 0o644)
	case "C":
		return copyFrom(r)
	case "r":
		return ignoreMissing(os.Remove(r.Path))
	case "R":
		return os.RemoveAll(r.Path)
	case "z", "Z":
		return adjust(r)
	}
	return fmt.Errorf("no line type %q", r.Type)
}

func mode(r plan.FileRule, otherwise uint32) uint32 {
	if r.ModeSet {
		return r.Mode
	}
	return otherwise
}

// own sets owner and mode of a path that is no link.
func own(path string, r plan.FileRule, otherwise uint32) error {
	if r.UID >= 0 || r.GID >= 0 {
		if err := os.Lchown(path, r.UID, r.GID); err != nil {
			return err
		}
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	if r.ModeSet || otherwise != 0 {
		return unix.Chmod(path, mode(r, otherwise))
	}
	return nil
}

func directory(r plan.FileRule) error {
	if r.Type == "e" {
		if _, err := os.Lstat(r.Path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return own(r.Path, r, 0)
	}
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return err
	}
	made := true
	if err := os.Mkdir(r.Path, 0o700); errors.Is(err, fs.ErrExist) {
		made = false
		if info, err := os.Lstat(r.Path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil // somebody put it elsewhere
		}
	} else if err != nil {
		return err
	}
	if !made && !r.ModeSet {
		return own(r.Path, r, 0)
	}
	return own(r.Path, r, 0o755)
}

func file(r plan.FileRule) error {
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | unix.O_NOFOLLOW
	if r.Type == "f" {
		flags |= os.O_EXCL
	} else {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(r.Path, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return own(r.Path, r, 0)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(r.Argument)
	return errors.Join(err, f.Close(), own(r.Path, r, 0o644))
}

func write(r plan.FileRule) error {
	flags := os.O_WRONLY
	if r.Type == "w+" {
		flags |= os.O_APPEND
	}
	f, err := os.OpenFile(r.Path, flags, 0)
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = f.WriteString(r.Argument)
	return errors.Join(err, f.Close())
}

func symlink(r plan.FileRule) error {
	target := r.Argument
	if target == "" {
		target = "/usr/share/factory" + r.Path
	}
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return err
	}
	if r.Type == "L+" {
		if err := os.RemoveAll(r.Path); err != nil {
			return err
		}
	}
	if err := os.Symlink(target, r.Path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func copyFrom(r plan.FileRule) error {
	from := r.Argument
	if from == "" {
		from = "/usr/share/factory" + r.Path
	}
	if _, err := os.Lstat(r.Path); err == nil {
		return nil
	}
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o755); err != nil {
		return err
	}
	if err := copyTree(from, r.Path, true); err != nil {
		return err
	}
	return own(r.Path, r, 0)
}

// adjust sets owner and mode of what exists; the path may be a pattern.
func adjust(r plan.FileRule) error {
	paths, err := filepath.Glob(r.Path)
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range paths {
		if r.Type == "z" {
			failed = append(failed, own(p, r, 0))
			continue
		}
		failed = append(failed, filepath.WalkDir(p, func(p string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return own(p, r, 0)
		}))
	}
	return errors.Join(failed...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyTree copies what does not exist in to yet, with owners and modes; without
// files only the folders.
func copyTree(from, to string, files bool) error {
	return walk(from, func(path, rel string, info fs.FileInfo) error {
		return copyEntry(path, filepath.Join(to, rel), info, files)
	})
}

// walk goes through all that a folder has, itself as well.
func walk(dir string, each func(path, rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return each(path, rel, info)
	})
}

func copyEntry(from, to string, info fs.FileInfo, files bool) error {
	if _, err := os.Lstat(to); err == nil || !info.IsDir() && !files {
		return nil
	}
	part := filepath.Join(filepath.Dir(to), ".clarity-copy") // to is there as a whole, or not at all
	err := os.RemoveAll(part)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		err = os.Mkdir(part, 0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		var target string
		if target, err = os.Readlink(from); err == nil {
			return os.Symlink(target, to)
		}
	case info.Mode().IsRegular():
		err = copyFile(from, part)
	default:
		return nil
	}
	if err == nil {
		err = dress(part, info)
	}
	if err != nil {
		return err
	}
	return os.Rename(part, to)
}

// dress gives a file or folder the owner and the mode of another one.
func dress(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, info.Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
