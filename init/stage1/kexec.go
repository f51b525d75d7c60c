package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/init/devices"
	"clarityos/init/watchdog"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// espDir is where the loader's partition is mounted, when its files are needed.
const espDir = "/esp"

// switchTo has the kernel of a slot started, once. It is started from here, since a
// watchdog goes on through that and ends a kernel that hangs; else by the loader, which may
// not come back from files that are garbage: those are not what digest says. It returns
// when the machine has to restart for it, or with an error.
func switchTo(d bootdisk.Disk, s slots.Slot, digest [32]byte, w *watchdog.Watchdog, l loader.Loader) error {
	w.HandOver()
	if !w.Hardware() {
		say("there is no watchdog in hardware: if the kernel of slot %v hangs, only a person can restart this machine", s)
	}
	err := kexec(d, s, digest)
	switch {
	case errors.Is(err, loader.ErrAltered):
		return err
	case l == nil:
		return fmt.Errorf("start the kernel of slot %v: %w", s, err)
	}
	say("start the kernel of slot %v: %v; the loader is asked instead", s, err)
	return l.ArmOnce(s)
}

// kexec starts the kernel of a slot, whose files have a digest. It returns only with an
// error.
func kexec(d bootdisk.Disk, s slots.Slot, digest [32]byte) error {
	if err := d.Has(bootdisk.ESP); err != nil {
		return err
	}
	if err := errors.Join(devices.Modprobe([]string{"vfat", "nls_cp437", "nls_ascii"}), os.MkdirAll(espDir, 0o755)); err != nil {
		return err
	}
	if err := unix.Mount(d.Parts[bootdisk.ESP].Device, espDir, "vfat", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the loader's partition: %w", err)
	}
	defer unix.Unmount(espDir, 0)
	partition := os.DirFS(espDir)
	if err := loader.Check(partition, s, digest); err != nil {
		return err
	}
	text, err := fs.ReadFile(partition, loader.Paths(s)[0])
	if err != nil {
		return err
	}
	e, err := parseEntry(string(text))
	if err != nil {
		return fmt.Errorf("boot entry %s: %w", loader.Entry(s), err)
	}
	if err := load(espDir+e.kernel, espDir+e.initrd, e.options); err != nil {
		return fmt.Errorf("load %s: %w", e.kernel, err)
	}
	unix.Sync()
	return fmt.Errorf("kexec: %w", unix.Reboot(unix.LINUX_REBOOT_CMD_KEXEC))
}

// load gives the kernel another one, with its initramfs and command line.
func load(kernel, initrd, options string) error {
	k, err := os.Open(kernel)
	if err != nil {
		return err
	}
	defer k.Close()
	i, err := os.Open(initrd)
	if err != nil {
		return err
	}
	defer i.Close()
	return loadFiles(k, i, options)
}

// bootEntry is one of the Boot Loader Specification, type 1.
type bootEntry struct{ kernel, initrd, options string }

// parseEntry reads a boot entry, which has one initrd. One with a unified kernel image is
// refused: kexec would check no more than the kernel in it, and the signature holds for its
// initramfs and command line as well. Firmware checks all of it.
func parseEntry(text string) (e bootEntry, err error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		switch key {
		case "linux":
			e.kernel = value
		case "initrd":
			e.initrd = value
		case "options":
			e.options = value
		case "efi":
			return e, errors.New("it has a unified kernel image, which firmware starts")
		}
	}
	if e.kernel == "" || e.initrd == "" || e.options == "" {
		return e, errors.New("it lacks linux, initrd or options")
	}
	return e, nil
}
