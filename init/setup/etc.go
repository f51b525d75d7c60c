package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"clarityos/update/durable"
	"clarityos/update/etc"
	"clarityos/update/slots"
)

// What etc.Dir and the folder of a slot have.
const (
	latest = "latest" // a link to the folder of the slot that has run last
	upper  = "upper"  // the changes, and …
	work   = "work"   // … what else the overlay wants beside them
	base   = "base"   // the files of /etc as the slot's version has them
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
	if there, err := exists(varDisk); err != nil || there { // memory is over /var, and an overlay can be no upper folder
		return errors.Join(err, overMemory(filepath.Join(varDisk, strings.TrimPrefix(etc.Dir, "/var"))))
	}
	own, err := changes(etc.Dir, running, "/etc", say)
	if err != nil {
		return errors.Join(fmt.Errorf("%w; what is changed in /etc is lost with this boot", err), overMemory(etc.Dir))
	}
	return overlay("/etc", filepath.Join(own, upper), filepath.Join(own, work))
}

// overMemory lays memory over /etc and what dir has of it.
func overMemory(dir string) error {
	const over = "/run/clarity/etc"
	lower, changed := "/etc", filepath.Join(dir, latest, upper)
	there, err := exists(changed)
	if there {
		lower = changed + ":" + lower
	}
	return errors.Join(err, overlay(lower, filepath.Join(over, upper), filepath.Join(over, work)))
}

func overlay(lower, upper, work string) error {
	err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o700))
	if err == nil {
		err = unix.Mount("overlay", "/etc", "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work))
	}
	if err != nil {
		return fmt.Errorf("lay %s over %s; what is changed in /etc is lost with this boot: %w", upper, lower, err)
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}

// changes gives the folder in dir of the slot that runs, whose version has lower as its /etc. When
// that is not the version whose changes it has, it comes to have those of the slot that ran before,
// merged. A power cut leaves it as it was, or as it is to be.
func changes(dir string, running slots.Running, lower string, say func(string)) (string, error) {
	own, ran := filepath.Join(dir, running.Slot), filepath.Join(dir, latest)
	if is, err := os.ReadFile(filepath.Join(own, etc.Version)); err != nil || string(is) != running.Root {
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
	err := errors.Join(os.RemoveAll(next), os.MkdirAll(filepath.Dir(filepath.Dir(own)), 0o755), os.MkdirAll(next, 0o700), os.Mkdir(filepath.Join(next, work), 0o700))
	if err == nil {
		err = carry(ran, next, lower, say)
	}
	if err == nil {
		err = copyFiles(lower, filepath.Join(next, base))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(next, etc.Version), []byte(version), 0o600)
	}
	if err == nil {
		err = syncFS(next)
	}
	had, wrong := exists(own)
	if err = errors.Join(err, wrong); err != nil {
		return errors.Join(err, os.RemoveAll(next)) // /var may be full of it
	}
	exchange := uint(0)
	if had {
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
