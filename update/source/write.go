package source

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// WriteBundle writes a bundle of a repository's files, which are regular and do not change
// meanwhile. The same files give the same bytes, whatever the order of names is.
func WriteBundle(w io.Writer, repository fs.FS, names []string) error {
	if len(names) > MaxMembers {
		return fmt.Errorf("write bundle: %d files, %d are the most", len(names), MaxMembers)
	}
	names = slices.Sorted(slices.Values(names))
	for i, n := range names {
		if i > 0 && n == names[i-1] {
			return fmt.Errorf("write bundle: %s is to be in it twice", n)
		}
		if err := writeMember(w, repository, n); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	if _, err := w.Write(make([]byte, 2*block)); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

func writeMember(w io.Writer, repository fs.FS, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	info, err := fs.Stat(repository, name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file but %s", name, info.Mode())
	}
	h, err := header(name, info.Size())
	if err != nil {
		return err
	}
	if _, err := w.Write(h[:]); err != nil {
		return err
	}
	file, err := repository.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	// One byte more than there should be, to see that there is none.
	n, err := io.Copy(w, io.LimitReader(file, info.Size()+1))
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	if n != info.Size() {
		return fmt.Errorf("%s has not the %d bytes any more that it had; make the bundle again when nobody writes the repository", name, info.Size())
	}
	_, err = w.Write(make([]byte, padded(n)-n))
	return err
}
