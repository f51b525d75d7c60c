package loader

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"clarityos/update/slots"
)

// Paths are a slot's files on the loader's partition: boot entry, kernel and initramfs. A
// unified kernel image lies in the place of the kernel, and there is no initramfs then, which
// counts as an empty one.
func Paths(s slots.Slot) [3]string {
	name := Entry(s)
	return [...]string{"loader/entries/" + name + ".conf", name + "/vmlinuz", name + "/initrd"}
}

// StateWord is what a boot entry has in front of the GUID of the partition with the record of
// slots, which a disk gets when it is flashed.
const StateWord = "clarity.state="

var stateGUID = regexp.MustCompile(StateWord + `[0-9A-Fa-f-]{36}`)

// Digest gives the SHA-256 of the files' SHA-256, in the order of Paths; of the boot entry
// without the GUID of the disk.
func Digest(files [3]io.Reader) (sum [32]byte, err error) {
	entry, err := io.ReadAll(io.LimitReader(files[0], entryMost))
	if err != nil {
		return sum, err
	}
	files[0] = bytes.NewReader(stateGUID.ReplaceAll(entry, []byte(StateWord)))
	all := sha256.New()
	for _, r := range files {
		one := sha256.New()
		if _, err := io.Copy(one, r); err != nil {
			return sum, err
		}
		all.Write(one.Sum(nil))
	}
	return [32]byte(all.Sum(nil)), nil
}

// entryMost bounds what is read of a boot entry, in bytes: what comes later does nothing.
const entryMost = 64 << 10

// ErrAltered is that a slot's files are not what was written, so that its kernel is not to
// be started.
var ErrAltered = errors.New("its kernel, initramfs or boot entry is not what was written")

// Check says whether a slot's files on the loader's partition have a digest; the error wraps
// ErrAltered when they do not. A digest of zeros is not known, and all files have it.
func Check(partition fs.FS, s slots.Slot, want [32]byte) error {
	if want == [32]byte{} {
		return nil
	}
	var files [3]io.Reader
	for i, path := range Paths(s) {
		f, err := partition.Open(path)
		switch {
		case err != nil && i == 2: // not every file system says that a file is not there by fs.ErrNotExist
			files[i] = strings.NewReader("")
			continue
		case err != nil:
			return fmt.Errorf("%w: %w", ErrAltered, err)
		}
		defer f.Close()
		files[i] = f
	}
	if got, err := Digest(files); err != nil || got != want {
		return errors.Join(ErrAltered, err)
	}
	return nil
}
