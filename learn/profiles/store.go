package profiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Load reads the file at path. It always gives a book: an empty one when there is no
// file, and when there is an error. A file that is none of profiles, or another
// version's, is set aside as path.bad, in the place of an earlier one; the error
// says so.
func Load(path string) (*Book, error) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"*")) // the pattern is well formed
	for _, name := range left {
		_ = os.Remove(name) // of a write that was killed; it only takes room
	}
	file, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return New(), nil
	}
	if err != nil {
		return New(), fmt.Errorf("read the profiles, which begin anew: %w", err)
	}
	b, err := Decode(file)
	if err == nil {
		return b, nil
	}
	if failed := errors.Join(os.Rename(path, path+".bad"), syncFolder(path)); failed != nil {
		return New(), fmt.Errorf("%s: %w; they begin anew and will be written over it, since it could not be set aside: %w", path, err, failed)
	}
	return New(), fmt.Errorf("%s: %w; it is set aside as %s.bad and they begin anew", path, err, path)
}

// read reads no more than shows that a file is too large.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}

// Save writes a book's bytes to path, so that after a crash there are the old ones or
// the new ones. The folder is made where there is none.
func Save(path string, file []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the profiles: %w", err)
	}
	err := renameio.WriteFile(path, file, 0o600, renameio.WithTempDir(filepath.Dir(path)), renameio.IgnoreUmask())
	if err = errors.Join(err, syncFolder(path)); err != nil {
		return fmt.Errorf("write the profiles: %w", err)
	}
	return nil
}

// syncFolder makes the name of a file survive.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
