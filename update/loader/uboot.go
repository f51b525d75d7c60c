package loader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"clarityos/update/slots"
)

// uBoot is U-Boot with the script that images/uboot.go writes. The script takes two variables
// of U-Boot's environment from one sector of the partition with the record of slots, in the
// text form of `env export -t` (docs.u-boot.org/en/latest/usage/cmd/env.html): a sector is
// written whole or not at all, and no file system is changed.
type uBoot struct {
	device string // the partition
}

const (
	// UBootAt is where the sector begins on its partition, in bytes; the record's copies are
	// before and behind it. UBootSize is its size.
	UBootAt   = 4 << 20
	UBootSize = 512
	// UBootSlot names the slot that is booted, UBootOnce the one that is in the next boot, for
	// which the script removes it.
	UBootSlot = "clarity_slot"
	UBootOnce = "clarity_once"
)

// findUBoot gives U-Boot when a partition with the record of slots has its variables, else nil.
func findUBoot(device string) Loader {
	f, err := os.Open(device)
	if err != nil {
		return nil
	}
	defer f.Close()
	if s, _, err := ReadUBoot(f); err != nil || s == slots.None {
		return nil
	}
	return uBoot{device}
}

func (uBoot) String() string { return "U-Boot" }

func (u uBoot) ArmOnce(s slots.Slot) error {
	return u.change(func(slot slots.Slot) (_, once slots.Slot) { return slot, s })
}

func (u uBoot) Commit(s slots.Slot) error {
	return u.change(func(slots.Slot) (slot, once slots.Slot) { return s, slots.None })
}

// change has the variables become what to makes of the slot that is booted, and writes only
// what is not so already.
func (u uBoot) change(to func(slots.Slot) (slot, once slots.Slot)) error {
	f, err := os.OpenFile(u.device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("ask U-Boot: %w", err)
	}
	was, wasOnce, err := ReadUBoot(f)
	if slot, once := to(was); err == nil && (slot != was || once != wasOnce) {
		err = errors.Join(WriteUBoot(f, slot, once), f.Sync())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("ask U-Boot: %w", err)
	}
	return nil
}

// ReadUBoot reads the variables of a partition; None is one that is not set, or names no slot.
func ReadUBoot(r io.ReaderAt) (slot, once slots.Slot, err error) {
	b := make([]byte, UBootSize)
	if _, err := r.ReadAt(b, UBootAt); err != nil {
		return slots.None, slots.None, err
	}
	text, _, _ := bytes.Cut(b, []byte{0})
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case UBootSlot:
			slot = slots.Named(value)
		case UBootOnce:
			once = slots.Named(value)
		}
	}
	return slot, once, nil
}

// UBootVariables are the variables as the partition has them; once may be None.
func UBootVariables(slot, once slots.Slot) []string {
	v := []string{UBootSlot + "=" + slot.String()}
	if once != slots.None {
		v = append(v, UBootOnce+"="+once.String())
	}
	return v
}

// WriteUBoot writes the variables of a partition; once may be None.
func WriteUBoot(w io.WriterAt, slot, once slots.Slot) error {
	b := make([]byte, UBootSize)
	copy(b, strings.Join(UBootVariables(slot, once), "\n")+"\n")
	_, err := w.WriteAt(b, UBootAt)
	return err
}
