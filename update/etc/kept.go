package etc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clarityos/update/durable"
)

// Dir has what is changed in /etc on a machine whose root cannot be written: for each slot a
// folder of its own, so that a version to which the machine returns has what it had.
const Dir = "/var/lib/clarity/etc"

// Version is the file in a slot's folder with the root hash of the version whose changes it has.
const Version = "root"

// Forget has the next version of a slot take the changes of the other one, be it the version that
// the slot had.
func Forget(dir, slot string) error {
	own := filepath.Join(dir, slot)
	err := os.Remove(filepath.Join(own, Version))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.SyncDir(own)
	}
	if err != nil {
		return fmt.Errorf("the changes of /etc in slot %s: %w", slot, err)
	}
	return nil
}
