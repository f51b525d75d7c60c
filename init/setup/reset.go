package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/etc"
)

// ResetFile in /var asks for a factory reset at the next boot: of /etc alone when it says
// "etc", else of all that /var has.
const ResetFile = ".clarity-factory-reset"

// AskReset puts the order for a factory reset on the disk: "all" or "etc".
func AskReset(what string) error {
	var root, own unix.Stat_t
	if err := errors.Join(unix.Stat("/", &root), unix.Stat("/var", &own)); err != nil {
		return err
	}
	if root.Dev == own.Dev {
		return errors.New("/var is in memory: every boot of this machine begins as if it were the first one")
	}
	err := writeFile("/var/"+ResetFile, []byte(what), 0o600)
	if errors.Is(err, unix.ENOSPC) && what != "etc" {
		return writeFile("/var/"+ResetFile, nil, 0o600) // an empty file takes no room, and says the same
	}
	return err
}

// reset does what a ResetFile in dir, which is /var, asks for. A power cut on the way has
// the next boot do it again. All says that nothing is left.
func reset(dir string, say func(string)) (all bool, err error) {
	order, err := os.ReadFile(filepath.Join(dir, ResetFile))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if string(order) == "etc" {
		say("factory reset of /etc")
		if err := os.RemoveAll(filepath.Join(dir, strings.TrimPrefix(etc.Dir, "/var"))); err != nil {
			return false, err
		}
		return false, forget(dir)
	}
	say("factory reset")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != ResetFile && e.Name() != "lost+found" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return false, fmt.Errorf("empty /var: %w", err)
	}
	return true, nil
}

// forget takes a ResetFile away once all else is on the disk.
func forget(dir string) error {
	unix.Sync()
	err := os.Remove(filepath.Join(dir, ResetFile))
	unix.Sync()
	return err
}
