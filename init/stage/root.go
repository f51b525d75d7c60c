package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// moved are the mounts that go along, with those below them.
var moved = []string{"/proc", "/sys", "/dev", "/run", "/tmp"}

// Writable lays memory over folders of a root, so that what is written there is gone with
// the next boot.
func Writable(root string, dirs ...string) error {
	for _, d := range dirs {
		upper, work := "/run/clarity/over"+d+"/upper", "/run/clarity/over"+d+"/work"
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount("overlay", root+d, "overlay", 0, "lowerdir="+root+d+",upperdir="+upper+",workdir="+work); err != nil {
			return fmt.Errorf("lay memory over %s: %w", d, err)
		}
	}
	return nil
}

// Become gives the memory of the initramfs back, makes root the root, and executes its
// program in this process. It returns only with an error.
func Become(root, program string, env []string) error {
	if _, err := os.Stat(root + program); err != nil {
		return fmt.Errorf("the root has no init: %w", err)
	}
	for _, m := range moved {
		if err := unix.Mount(m, root+m, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s into the root: %w", m, err)
		}
	}
	if err := errors.Join(empty("/", root), unix.Chdir(root), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), unix.Chdir("/")); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return fmt.Errorf("execute %s: %w", program, unix.Exec(program, []string{program}, env))
}

// empty removes what lies in a folder on its own file system, but for keep.
func empty(dir, keep string) error {
	var own unix.Stat_t
	if err := unix.Lstat(dir, &own); err != nil {
		return err
	}
	return emptyOn(dir, keep, uint64(own.Dev))
}

func emptyOn(dir, keep string, device uint64) error {
	all, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		path := filepath.Join(dir, e.Name())
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || uint64(st.Dev) != device || path == keep {
			continue
		}
		if e.IsDir() {
			_ = emptyOn(path, keep, device) // what stays only takes memory
		}
		_ = os.Remove(path)
	}
	return nil
}
