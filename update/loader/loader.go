// Package loader asks what loads the kernel at boot for a slot: once, or from now on. A
// loader that cannot be asked, or does not do what it was asked for, is no danger: stage 1
// sees whose kernel runs, and package slots decides what to make of it.
//
//	loader.go       the loaders that there are, and which one this machine has
//	files.go        a slot's files on the loader's partition
//	efivars.go      variables of the firmware
//	systemdboot.go  systemd-boot, by its variables
//	bootnext.go     the firmware itself, by its boot options
package loader

import (
	"errors"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
)

// Loader is one that can be asked.
type Loader interface {
	// ArmOnce has the next boot be of a slot, and no later one.
	ArmOnce(slots.Slot) error
	// Commit has boots be of a slot from now on. To do it twice does nothing more.
	Commit(slots.Slot) error
	String() string
}

// Find gives what has loaded this machine's kernel; nil: nothing that can be asked.
func Find() Loader {
	if err := unix.Mount("efivarfs", firmwareVariables, "efivarfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil
	}
	return find(variables{firmwareVariables})
}

// find says which loader has left its variables.
func find(v variables) Loader {
	if l := (systemdBoot{v}); l.loaded() {
		return l
	}
	if l := findBootNext(v); l != nil {
		return l
	}
	return nil
}
