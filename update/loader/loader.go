// Package loader asks what loads the kernel at boot for a slot: once, or from now on. A
// loader that cannot be asked, or does not do what it was asked for, is no danger: stage 1
// sees whose kernel runs, and package slots decides what to make of it.
//
//	loader.go       the loaders that there are, and which one this machine has
//	files.go        a slot's files on the loader's partition
//	mend.go         what a cut of power leaves of them
//	efivars.go      variables of the firmware
//	systemdboot.go  systemd-boot, by its variables
//	bootnext.go     the firmware itself, by its boot options
//	uboot.go        U-Boot, by variables of its environment
//	raspberrypi.go  the firmware of Raspberry Pis
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

// Find gives what has loaded this machine's kernel; nil: nothing that can be asked. The
// loader's partition is the device esp, and that with the record of slots is state; "" where
// one is not known.
func Find(esp, state string) Loader {
	if v, ok := ofFirmware(); ok {
		return findUEFI(v)
	}
	if l := findUBoot(state); l != nil {
		return l
	}
	return findRaspberryPi("/proc/device-tree/compatible", esp)
}

// Partition gives the GUID of the partition that the loader lies on, "" where it does not say.
func Partition() string {
	v, ok := ofFirmware()
	if !ok {
		return ""
	}
	return systemdBoot{v}.partition()
}

// ofFirmware gives the firmware's variables, where it has any.
func ofFirmware() (v variables, ok bool) {
	err := unix.Mount("efivarfs", firmwareVariables, "efivarfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return variables{firmwareVariables}, err == nil || errors.Is(err, unix.EBUSY)
}

// findUEFI says which loader has left its variables.
func findUEFI(v variables) Loader {
	if l := (systemdBoot{v}); l.loaded() {
		return l
	}
	return findBootNext(v)
}
