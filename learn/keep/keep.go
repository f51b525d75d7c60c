// Package keep is how what was learned is kept in files: read as a whole or not at
// all, and written so that a crash leaves the old file or the new one.
package keep

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Load gives what decode makes of the bytes of the file at path, which are at most one
// more than most, and none() where there is no file. One that decode refuses is set aside
// as path.bad, in the place of an earlier one; the error says so and calls what is in it by
// what, and it is none() again.
func Load[T any](path, what string, most int64, none func() T, decode func([]byte) (T, error)) (T, error) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"*")) // the pattern is well formed
	for _, name := range left {
		_ = os.Remove(name) // of a write that was killed; it only takes room
	}
	file, err := read(path, most)
	if errors.Is(err, fs.ErrNotExist) {
		return none(), nil
	}
	if err != nil {
		return none(), fmt.Errorf("read %s, which begins anew: %w", what, err)
	}
	value, err := decode(file)
	if err == nil {
		return value, nil
	}
	if failed := errors.Join(os.Rename(path, path+".bad"), SyncFolder(path)); failed != nil {
		return none(), fmt.Errorf("%s: %w; %s begins anew and will be written over it, since it could not be set aside: %w", path, err, what, failed)
	}
	return none(), fmt.Errorf("%s: %w; it is set aside as %s.bad and %s begins anew", path, err, path, what)
}

// read reads no more than shows that a file is too large.
func read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// Save writes a file to path, so that after a crash there is the old one or the new
// one. The folder is made where there is none.
func Save(path, what string, file []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	err := renameio.WriteFile(path, file, 0o600, renameio.WithTempDir(filepath.Dir(path)), renameio.IgnoreUmask())
	if err = errors.Join(err, SyncFolder(path)); err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	return nil
}

// SyncFolder makes the name of a file survive.
func SyncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
