package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unicode/utf16"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
)

// A bootLoader can be asked to boot a slot once.
type bootLoader interface {
	armOnce(s slots.Slot) error
}

const (
	efiVars = "/sys/firmware/efi/efivars"
	// loaderGUID is that of the Boot Loader Interface's variables (systemd.io).
	loaderGUID = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
)

// loader finds out which one has booted this machine; nil: none that can be asked.
func loader() bootLoader {
	if err := unix.Mount("efivarfs", efiVars, "efivarfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		return nil
	}
	if _, err := os.Stat(efiVars + "/LoaderInfo-" + loaderGUID); err != nil {
		return nil
	}
	return systemdBoot{}
}

// systemdBoot boots the entry that the variable LoaderEntryOneShot names, once.
type systemdBoot struct{}

func (systemdBoot) armOnce(s slots.Slot) error {
	path := efiVars + "/LoaderEntryOneShot-" + loaderGUID
	if err := os.WriteFile(path, efiString("clarity-"+s.String()+".conf"), 0o644); err != nil {
		return fmt.Errorf("write the loader's variable: %w", err)
	}
	return nil
}

// efiString is a file of efivarfs: attributes, which are to be kept over boots and seen at
// boot and later, and a text in UTF-16 that ends with 0.
func efiString(s string) []byte {
	const lasting = 1 | 2 | 4
	b := binary.LittleEndian.AppendUint32(nil, lasting)
	for _, c := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}
