package loader

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
)

// Paths are the files that a slot has on the loader's partition, whatever the firmware: boot
// entry, kernel and initramfs. A unified kernel image lies in the place of the kernel, and
// there is no initramfs then.
func Paths(s slots.Slot) [3]string {
	name := Entry(s)
	return [...]string{"loader/entries/" + name + ".conf", name + "/vmlinuz", name + "/initrd"}
}

// StateWord is what a boot entry has in front of the GUID of the partition with the record of
// slots, which a disk gets when it is flashed.
const StateWord = "clarity.state="

var stateGUID = regexp.MustCompile(StateWord + `[0-9A-Fa-f-]{36}`)

// StateGUID gives the GUID that a kernel's command line names the disk by, "" where it does not.
func StateGUID(commandLine string) string {
	return strings.TrimPrefix(stateGUID.FindString(commandLine), StateWord)
}

// Digest gives the SHA-256 of a line for each file of a slot, in the order of their paths on
// the loader's partition: path, space, the file's SHA-256 in hex. A file of less than 64 KiB, as
// all those are that a kernel's command line stands in, counts without the GUID of the disk.
func Digest(files map[string]io.Reader) (sum [32]byte, err error) {
	all := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		one := sha256.New()
		r := bufio.NewReaderSize(files[path], textMost) // go-diskfs 1.9.4 errs in reads that do not end where clusters do
		text, err := r.Peek(textMost)
		if err == io.EOF {
			one.Write(stateGUID.ReplaceAll(text, []byte(StateWord)))
		} else if _, err = io.Copy(one, r); err != nil {
			return sum, err
		}
		fmt.Fprintf(all, "%s %x\n", path, one.Sum(nil))
	}
	return [32]byte(all.Sum(nil)), nil
}

const textMost = 64 << 10 // bytes

// ErrAltered is that a slot's files are not what was written, so that its kernel is not to
// be started.
var ErrAltered = errors.New("its kernel, what comes with it or its boot entry is not what was written")

// Check says whether a slot's files on the loader's partition, its boot entry and all of its
// folder, have a digest; the error wraps ErrAltered when they do not. A digest of zeros is not
// known, and all files have it.
func Check(partition fs.FS, s slots.Slot, want [32]byte) error {
	if want == [32]byte{} {
		return nil
	}
	folder, err := fs.ReadDir(partition, Entry(s))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAltered, err)
	}
	paths := []string{Paths(s)[0]}
	for _, e := range folder {
		paths = append(paths, Entry(s)+"/"+e.Name())
	}
	files := map[string]io.Reader{}
	for _, path := range paths {
		f, err := partition.Open(path)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrAltered, err)
		}
		defer f.Close()
		files[path] = f
	}
	if got, err := Digest(files); err != nil || got != want {
		return errors.Join(ErrAltered, err)
	}
	return nil
}

// Mounted has work done on the files of the loader's partition.
func Mounted(device string, work func(dir string) error) error {
	dir, err := os.MkdirTemp("/run", "clarity-loader-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	if err := unix.Mount(device, dir, "vfat", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the loader's partition %s: %w", device, err)
	}
	return errors.Join(work(dir), unix.Unmount(dir, 0))
}
