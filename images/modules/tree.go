package modules

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Tree is the modules of one kernel: the content of lib/modules/RELEASE.
type Tree struct {
	fsys    fs.FS
	files   map[string]string // canonical name → path
	builtin map[string]bool   // canonical names
}

// OpenTree reads which modules there are. It does not open them.
func OpenTree(fsys fs.FS) (*Tree, error) {
	t := &Tree{fsys: fsys, files: map[string]string{}, builtin: map[string]bool{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if name, ok := moduleName(p); ok {
				t.files[name] = p
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list kernel modules: %w", err)
	}
	list, err := fs.ReadFile(fsys, "modules.builtin")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list built-in modules: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		if name, ok := moduleName(strings.TrimSpace(line)); ok {
			t.builtin[name] = true
		}
	}
	return t, nil
}

func moduleName(p string) (string, bool) {
	name, rest, ok := strings.Cut(path.Base(p), ".ko")
	switch rest {
	case "", ".xz", ".gz", ".zst":
		return Canonical(name), ok
	}
	return "", false
}

// read returns a module's decompressed bytes.
func (t *Tree) read(p string) ([]byte, error) {
	packed, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return nil, err
	}
	var r io.Reader = bytes.NewReader(packed)
	switch path.Ext(p) {
	case ".xz":
		r, err = xz.NewReader(r)
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		r, err = zstd.NewReader(r)
	default:
		return packed, nil
	}
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", p, err)
	}
	ko, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", p, err)
	}
	return ko, nil
}
