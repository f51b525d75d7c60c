package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/durable"
)

// contents are the folders of a repository with what is offered.
var contents = []string{"data", "targets"}

// Prune deletes files of what is no longer offered: those that were last changed before a time,
// and whose names, from the repository's folder on, are not needed. It gives how many bytes that
// frees.
func (r *Repo) Prune(needed map[string]bool, before time.Time) (freed int64, err error) {
	err = r.change(func(state) error {
		for _, dir := range contents {
			n, err := r.prune(dir, needed, before)
			if freed += n; err != nil {
				return fmt.Errorf("delete from repository: %w", err)
			}
		}
		return nil
	})
	return freed, err
}

func (r *Repo) prune(dir string, needed map[string]bool, before time.Time) (freed int64, err error) {
	err = filepath.WalkDir(filepath.Join(r.dir, dir), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(r.dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || needed[filepath.ToSlash(name)] || !info.ModTime().Before(before) {
			return err
		}
		freed += info.Size()
		return errors.Join(os.Remove(path), durable.SyncDir(filepath.Dir(path)))
	})
	return freed, err
}
