package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/sys/unix"
)

// firmwareVariables is where the kernel shows the variables of the firmware.
const firmwareVariables = "/sys/firmware/efi/efivars"

// variables are those of the firmware, as files in a folder: attributes (4 bytes), and what
// the variable says.
type variables struct{ dir string }

func (v variables) path(name, vendor string) string { return filepath.Join(v.dir, name+"-"+vendor) }

// read gives what a variable says.
func (v variables) read(name, vendor string) ([]byte, error) {
	b, err := os.ReadFile(v.path(name, vendor))
	if err != nil {
		return nil, err
	}
	if len(b) < 4 {
		return nil, fmt.Errorf("the firmware's variable %s has %d bytes", name, len(b))
	}
	return b[4:], nil
}

// lasting are the attributes of a variable that is kept over boots and seen at boot and
// later (UEFI 8.2).
const lasting = 1 | 2 | 4

// write has a variable say something, unless it does already: flash has so many writes, and
// no more.
func (v variables) write(name, vendor string, says []byte) error {
	if now, err := v.read(name, vendor); err == nil && bytes.Equal(now, says) {
		return nil
	}
	path := v.path(name, vendor)
	if err := mutable(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the firmware's variable %s: %w", name, err)
	}
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint32(nil, lasting), says...), 0o644); err != nil {
		return fmt.Errorf("write the firmware's variable %s: %w", name, err)
	}
	return nil
}

// numbered gives the numbers of the firmware's own variables whose name is a prefix and four
// hexadecimal digits, in order.
func (v variables) numbered(prefix string) (numbers []uint16) {
	all, _ := filepath.Glob(v.path(prefix+"[0-9A-F][0-9A-F][0-9A-F][0-9A-F]", global)) // the pattern is right
	for _, path := range all {
		n, err := strconv.ParseUint(strings.TrimPrefix(filepath.Base(path), prefix)[:4], 16, 16)
		if err == nil {
			numbers = append(numbers, uint16(n))
		}
	}
	slices.Sort(numbers)
	return numbers
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

// encodeText gives a text in UTF-16 that ends with 0.
func encodeText(s string) (b []byte) {
	for _, c := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

// decodeText reads a text in UTF-16 up to a 0 or the end, and gives what is behind it.
func decodeText(b []byte) (text string, rest []byte, err error) {
	var units []uint16
	for len(b) >= 2 {
		u := binary.LittleEndian.Uint16(b)
		if b = b[2:]; u == 0 {
			return string(utf16.Decode(units)), b, nil
		}
		units = append(units, u)
	}
	if len(b) > 0 {
		return "", nil, errors.New("half a character ends a text")
	}
	return string(utf16.Decode(units)), nil, nil
}
