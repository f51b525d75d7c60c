package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clarityos/update/manifest"
	"clarityos/update/source"
	"clarityos/update/trust"
)

// Verify writes all of a release that a source offers to files in dir, which is a folder for
// nothing else, and holds them to what was signed, as a machine does that takes it.
func Verify(ctx context.Context, from source.Source, t trust.Target, dir string) (*manifest.Manifest, error) {
	m, err := Manifest(ctx, from, t)
	if err != nil {
		return nil, err
	}
	r, err := fetchRelease(ctx, from, m)
	if err != nil {
		return nil, err
	}
	var to []File
	var files []*disk
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for i := range m.Parts() {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return nil, err
		}
		d := onDisk(f)
		to, files = append(to, d), append(files, d)
	}
	if err := Write(ctx, r, to, nil, from, func(Progress) {}); err != nil {
		return nil, err
	}
	for i, p := range m.Parts() {
		err = errors.Join(err, files[i].check(p.Blob))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.Name, m.Version, err)
	}
	return m, nil
}
