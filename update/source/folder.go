package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// folder is a repository in a folder, on a mounted medium for example.
type folder struct {
	root    *os.Root
	options Options
}

func openFolder(path string, o Options) (Source, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return &folder{root, o}, nil
}

func (f *folder) String() string { return f.root.Name() }
func (f *folder) Close() error   { return f.root.Close() }

func (f *folder) Get(ctx context.Context, name string, most int64) (all []byte, err error) {
	err = f.with(name, func(file *os.File, size int64) error {
		all, err = getLocal(ctx, file, size, most, f.options)
		return err
	})
	return all, told(err, "read", name, f)
}

func (f *folder) ReadRanges(ctx context.Context, name string, ranges []Range, each func(int, []byte) error) error {
	err := CheckRanges(ranges)
	if err == nil {
		err = f.with(name, func(file *os.File, size int64) error {
			return rangesLocal(ctx, file, size, ranges, each, f.options)
		})
	}
	return told(err, "read ranges of", name, f)
}

// with opens a regular file for as long as do needs it. What is not one is not opened, since
// opening a device or a FIFO does something or waits; should it become one in between, it does
// not wait. Symbolic links are followed within the folder, as os.Root does.
func (f *folder) with(name string, do func(file *os.File, size int64) error) error {
	if err := CheckName(name); err != nil {
		return err
	}
	info, err := f.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file but %s", info.Mode())
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file any more but %s", info.Mode())
	}
	return do(file, info.Size())
}
