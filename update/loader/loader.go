// Package loader asks what loads the kernel at boot for a slot: once, or from now on. A
// loader that cannot be asked, or does not do what it was asked for, is no danger: stage 1
// sees whose kernel runs, and package slots decides what to make of it.
package loader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

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

// variables is where the kernel shows those of the firmware.
const variables = "/sys/firmware/efi/efivars"

// Find gives what has loaded this machine's kernel; nil: nothing that can be asked.
func Find() Loader {
	if err := unix.Mount("efivarfs", variables, "efivarfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil
	}
	l := systemdBoot{variables}
	if info, err := l.get("LoaderInfo"); err != nil || !strings.HasPrefix(info, "systemd-boot") {
		return nil
	}
	return l
}

// systemdBoot is asked by the variables of the Boot Loader Interface
// (systemd.io/BOOT_LOADER_INTERFACE), which lie in a folder.
type systemdBoot struct{ dir string }

// vendor is the GUID of these variables.
const vendor = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

func (systemdBoot) String() string { return "systemd-boot" }

// Entry is the name of a slot's boot entry, without its suffix.
func Entry(s slots.Slot) string { return "clarity-" + s.String() }

func (l systemdBoot) ArmOnce(s slots.Slot) error {
	return l.set("LoaderEntryOneShot", Entry(s)+".conf")
}

func (l systemdBoot) Commit(s slots.Slot) error {
	const name = "LoaderEntryDefault"
	want := Entry(s) + ".conf"
	if now, err := l.get(name); err == nil && now == want {
		return nil // flash has so many writes, and no more
	}
	return l.set(name, want)
}

func (l systemdBoot) path(name string) string { return filepath.Join(l.dir, name+"-"+vendor) }

func (l systemdBoot) get(name string) (string, error) {
	b, err := os.ReadFile(l.path(name))
	if err != nil {
		return "", err
	}
	return decode(b)
}

func (l systemdBoot) set(name, value string) error {
	path := l.path(name)
	if err := mutable(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the loader's variable %s: %w", name, err)
	}
	if err := os.WriteFile(path, encode(value), 0o644); err != nil {
		return fmt.Errorf("write the loader's variable %s: %w", name, err)
	}
	return nil
}

// immutable is FS_IMMUTABLE_FL of linux/fs.h.
const immutable = 0x10

// mutable takes the flag off a variable by which the kernel protects those that it does not
// know from being deleted.
func mutable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil || flags&immutable == 0 {
		return nil // a write tells better
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags&^immutable)); err != nil {
		return fmt.Errorf("make it mutable: %w", err)
	}
	return nil
}

// lasting are the attributes of a variable that is kept over boots and seen at boot and
// later (UEFI 8.2).
const lasting = 1 | 2 | 4

// encode gives a file of efivarfs: attributes, and a text in UTF-16 that ends with 0.
func encode(s string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, lasting)
	for _, c := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

func decode(b []byte) (string, error) {
	if len(b) < 4 || len(b)%2 != 0 {
		return "", fmt.Errorf("%d bytes are no variable with a text", len(b))
	}
	var text []uint16
	for b = b[4:]; len(b) > 0; b = b[2:] {
		text = append(text, binary.LittleEndian.Uint16(b))
	}
	s, _, _ := strings.Cut(string(utf16.Decode(text)), "\x00")
	return s, nil
}
