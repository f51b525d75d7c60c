package convert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// formats are what can be written, by how a file's name ends. None ends with another.
var formats = []struct {
	suffix string
	write  func(ctx context.Context, from, to string) error
}{
	{".qcow2", qemuImage("qcow2", "")},
	{".vhd", qemuImage("vpc", "subformat=dynamic,force_size=on")},
	{".raw.zst", pack},
}

// ErrThere is that the file to be written is there already.
var ErrThere = errors.New("is there already; --force replaces it")

// Convert writes the raw disk from to a new file, in the format that its name ends with.
// With force it replaces one. The file comes about under another name, and gets its own
// once it is whole and on the disk.
func Convert(ctx context.Context, from, to string, force bool) error {
	write := format(to)
	if write == nil {
		return fmt.Errorf("%s: it is not known what format that is; let its name end with %s", to, known())
	}
	if err := check(from); err != nil {
		return fmt.Errorf("read %s as a disk: %w", from, err)
	}
	if err := free(from, to, force); err != nil {
		return err
	}
	// The suffix is kept, and the name hidden.
	work := filepath.Join(filepath.Dir(to), fmt.Sprintf(".%d.%s", os.Getpid(), filepath.Base(to)))
	f, err := os.OpenFile(work, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	defer os.Remove(work) // once it has its name there is nothing
	defer f.Close()
	err = write(ctx, from, work)
	if ctx.Err() != nil {
		return fmt.Errorf("writing %s was interrupted; nothing of it is left", to)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return name(work, to, force)
}

// name gives a file its name, for good.
func name(work, to string, force bool) error {
	flags := uint(unix.RENAME_NOREPLACE)
	if force {
		flags = 0
	}
	err := unix.Renameat2(unix.AT_FDCWD, work, unix.AT_FDCWD, to, flags)
	switch {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%s %w", to, ErrThere) // it came meanwhile
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS): // the file system has no such flag
		err = os.Rename(work, to)
	}
	if err != nil {
		return fmt.Errorf("name %s: %w", to, err)
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("sync the folder of %s: %w", to, err)
	}
	return nil
}

func format(to string) func(ctx context.Context, from, to string) error {
	for _, f := range formats {
		if strings.HasSuffix(to, f.suffix) && filepath.Base(to) != f.suffix {
			return f.write
		}
	}
	return nil
}

// known are the suffixes in words.
func known() string {
	var all []string
	for _, f := range formats {
		all = append(all, f.suffix)
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// check says why a file is no raw disk.
func check(from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var magic [8]byte
	_, err = f.ReadAt(magic[:], 512)
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case info.Size()%512 != 0, err != nil, string(magic[:]) != "EFI PART":
		return errors.New("it has no GUID partition table; name a raw disk, as clarity disk writes it")
	}
	return nil
}

// free says why a file cannot be written.
func free(from, to string, force bool) error {
	info, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	of, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case os.SameFile(info, of):
		return fmt.Errorf("%s is the disk itself; choose another name", to)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file, and is not replaced; choose another name", to)
	case !force:
		return fmt.Errorf("%s %w", to, ErrThere)
	}
	return nil
}
