package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// variables is the file that keeps the firmware's variables of a disk.
func variables(disk string) string { return disk + ".vars" }

// prepareVariables makes that file of a template, unless it is there.
func prepareVariables(disk, template string) error {
	if _, err := os.Stat(variables(disk)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blank, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("the firmware's variables: %w; `make deps` installs the firmware", err)
	}
	return os.WriteFile(variables(disk), blank, 0o600)
}
