package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"clarityos/update/durable"
	"clarityos/update/etc"
	"clarityos/update/slots"
)

// etcDir has what is changed in /etc on a machine whose root cannot be written: for each slot a
// folder of its own, so that a version to which the machine returns has what it had.
const etcDir = "/var/lib/clarity/etc"

// What etcDir and the folder of a slot have.
const (
	latest    = "latest" // a link to the folder of the slot that has run last
	upper     = "upper"  // the changes, and …
	work      = "work"   // … what else the overlay wants beside them
	base      = "base"   // the files of /etc as the slot's version has them
	versionID = "root"   // a file with the root hash of that version
)

// keepEtc lays /var over the /etc of a root slot, in which changes were lost with the boot
// so far.
func keepEtc(say func(string)) error {
	running, err := slots.ReadRunning()
	if errors.Is(err, slots.ErrNoSlots) {
		return nil // its root is in memory, with /etc
	}
	if err != nil {
		return err
	}
	own, failed := changes(etcDir, running, "/etc", say)
	options := fmt.Sprintf("lowerdir=/etc,upperdir=%s,workdir=%s", filepath.Join(own, upper), filepath.Join(own, work))
	_, memory := os.Stat("/run/clarity/var") // /var itself is under memory, and an overlay can be no upper folder
	if failed != nil || memory == nil {
		const over = "/run/clarity/etc"
		if err := errors.Join(os.MkdirAll(filepath.Join(over, upper), 0o755), os.MkdirAll(filepath.Join(over, work), 0o700)); err != nil {
			return errors.Join(failed, err)
		}
		lower := "/etc"
		if failed != nil {
			failed = fmt.Errorf("%w; what is changed there is lost with this boot", failed)
			own = filepath.Join(etcDir, latest)
		}
		if there := filepath.Join(own, upper); exists(there) {
			lower = there + ":" + lower
		}
		options = fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, filepath.Join(over, upper), filepath.Join(over, work))
	}
	if err := unix.Mount("overlay", "/etc", "overlay", 0, options); err != nil {
		return errors.Join(failed, fmt.Errorf("lay what was changed over /etc (%s); what is changed there is lost with this boot: %w", options, err))
	}
	return failed
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// changes gives the folder in dir of the slot that runs, whose version has lower as its /etc. When
// that is not the version whose changes it has, it comes to have those of the slot that ran before,
// merged. A power cut leaves it as it was, or as it is to be.
func changes(dir string, running slots.Running, lower string, say func(string)) (string, error) {
	own, ran := filepath.Join(dir, running.Slot), filepath.Join(dir, latest)
	if is, err := os.ReadFile(filepath.Join(own, versionID)); err != nil || string(is) != running.Root {
		if err := renew(own, ran, running.Root, lower, say); err != nil {
			return "", fmt.Errorf("take what was changed along to the version in slot %s: %w", running.Slot, err)
		}
	}
	if to, _ := os.Readlink(ran); to != running.Slot {
		if err := errors.Join(renameio.Symlink(running.Slot, ran), durable.SyncDir(dir)); err != nil {
			return "", err
		}
	}
	return own, nil
}

// renew has the folder of a slot have what the one that ran has, merged for another version.
func renew(own, ran, version, lower string, say func(string)) error {
	next := own + ".new"
	if err := errors.Join(os.RemoveAll(next), os.MkdirAll(next, 0o700), os.Mkdir(filepath.Join(next, work), 0o700)); err != nil {
		return err
	}
	err := carry(ran, next, lower, say)
	if err == nil {
		err = os.CopyFS(filepath.Join(next, base), os.DirFS(lower))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(next, versionID), []byte(version), 0o600)
	}
	if err == nil {
		err = syncFS(next)
	}
	if err != nil {
		return err
	}
	exchange := uint(0)
	if exists(own) {
		exchange = unix.RENAME_EXCHANGE
	}
	if err := unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, own, exchange); err != nil {
		return fmt.Errorf("put %s in the place of %s: %w", next, own, err)
	}
	return errors.Join(durable.SyncDir(filepath.Dir(own)), os.RemoveAll(next))
}

// syncFS has the disk have all that a file system has.
func syncFS(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// carry takes the changes that one folder has, if it is there, to another one, for a version that
// has lower as its /etc.
func carry(from, to, lower string, say func(string)) error {
	changed := filepath.Join(from, upper)
	if !exists(changed) {
		return os.Mkdir(filepath.Join(to, upper), 0o755)
	}
	return filepath.WalkDir(changed, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(changed, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, upper, rel)
		if !info.Mode().IsRegular() {
			return carryOther(path, target, info)
		}
		var was, ours, theirs []byte
		for file, b := range map[string]*[]byte{path: &ours, filepath.Join(from, base, rel): &was, filepath.Join(lower, rel): &theirs} {
			if *b, err = regular(file); err != nil {
				return err
			}
		}
		merged, kept := etc.Merge(rel, was, ours, theirs)
		if kept != nil {
			say(fmt.Sprintf("/etc/%s (%s): it was changed here and in the new version, and stays as it is here; the new version's is %s",
				rel, strings.Join(kept, ", "), filepath.Join(strings.TrimSuffix(to, ".new"), base, rel)))
		}
		if merged == nil {
			return nil
		}
		return errors.Join(os.WriteFile(target, merged, 0o600), dress(target, info))
	})
}

// regular gives what a regular file has; nil: there is none.
func regular(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// opaque is what an overlay marks a folder with that hides the one below it.
const opaque = "trusted.overlay.opaque"

// carryOther copies what is no regular file of an overlay's upper folder: a folder without what is
// in it, a link, and what says that something is gone.
func carryOther(from, to string, info fs.FileInfo) error {
	st, _ := info.Sys().(*syscall.Stat_t)
	switch info.Mode().Type() {
	case fs.ModeDir:
		if err := errors.Join(os.Mkdir(to, 0o700), dress(to, info)); err != nil {
			return err
		}
		if _, err := unix.Lgetxattr(from, opaque, nil); err == nil {
			return unix.Lsetxattr(to, opaque, []byte("y"), 0)
		}
	case fs.ModeSymlink:
		target, err := os.Readlink(from)
		return errors.Join(err, os.Symlink(target, to), os.Lchown(to, int(st.Uid), int(st.Gid)))
	case fs.ModeDevice | fs.ModeCharDevice:
		return unix.Mknod(to, st.Mode, int(st.Rdev))
	}
	return nil // no service runs yet that could listen or wait there
}
