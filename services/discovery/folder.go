package discovery

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

// Dir is where units find the files. It is root's alone, as endpoints are: PID 1 reads
// EnvironmentFile= as root, whoever the unit runs as.
const Dir = "/run/clarity/discovery"

// Folder is a folder of files that are written when they change. Use Open.
type Folder struct {
	path string
	has  map[string]string
}

// Open makes the folder at path where there is none. What is in it already stays until
// Write.
func Open(path string) (*Folder, error) {
	f := &Folder{path, map[string]string{}}
	if err := errors.Join(os.MkdirAll(path, 0o700), os.Chmod(path, 0o700)); err != nil {
		return nil, fmt.Errorf("make the folder of services: %w", err)
	}
	all, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read the folder of services: %w", err)
	}
	for _, e := range all {
		text, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			text = nil // it is written again, or removed
		}
		f.has[e.Name()] = string(text)
	}
	return f, nil
}

// Write makes the folder hold these files and no others, each as a whole: those that
// are needed less are removed first. The list comes last, so that who finds an entry in
// it finds the file of its name, too.
func (f *Folder) Write(files map[string]string) error {
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(f.has)) {
		if _, wanted := files[name]; wanted {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
			continue
		}
		delete(f.has, name)
	}
	names := slices.Sorted(maps.Keys(files))
	names = append(slices.DeleteFunc(names, func(n string) bool { return n == List }), List)
	for _, name := range names {
		text := files[name]
		if has, there := f.has[name]; there && has == text {
			continue
		}
		err := renameio.WriteFile(filepath.Join(f.path, name), []byte(text), 0o600, renameio.WithTempDir(f.path), renameio.IgnoreUmask())
		if err != nil {
			failed = append(failed, err)
			delete(f.has, name)
			continue
		}
		f.has[name] = text
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("write the folder of services: %w", err)
	}
	return nil
}
