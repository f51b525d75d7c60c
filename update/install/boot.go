package install

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clarityos/update/durable"
	"clarityos/update/loader"
	"clarityos/update/manifest"
	"clarityos/update/slots"
)

// newSuffix is what files have until all of a slot's are whole.
const newSuffix = ".new"

// bootFiles are those of a release on the loader's partition, which is mounted.
type bootFiles struct {
	dir   string // where it is mounted
	slot  slots.Slot
	state string // GUID of the partition with the record of slots
	files []manifest.File
	open  []bootFile // like files
}

// bootFile is one while it is written; of text the form comes first, in memory.
type bootFile struct {
	*disk
	text *memory
	skip bool // it is the other slot's
}

// openBoot opens the files that are written, beside those that a slot has.
func openBoot(dir string, s slots.Slot, state string, files []manifest.File) (*bootFiles, error) {
	b := &bootFiles{dir: dir, slot: s, state: state, files: files}
	for _, f := range files {
		var open bootFile
		switch {
		case f.Slot != "" && f.Slot != s.String():
			open.skip = true
		case f.Text:
			open.text = &memory{}
		}
		if !open.skip {
			name := b.path(f) + newSuffix
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return nil, errors.Join(err, b.close())
			}
			f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				return nil, errors.Join(err, b.close())
			}
			open.disk = onDisk(f)
		}
		b.open = append(b.open, open)
	}
	return b, nil
}

// path is where a file lies once it is whole.
func (b *bootFiles) path(f manifest.File) string {
	path, _ := f.For(b.slot, b.state, nil)
	return filepath.Join(b.dir, path)
}

// targets are what Write writes to.
func (b *bootFiles) targets() []File {
	var out []File
	for _, f := range b.open {
		switch {
		case f.skip:
			out = append(out, nil)
		case f.text != nil:
			out = append(out, f.text)
		default:
			out = append(out, f.disk)
		}
	}
	return out
}

// finish puts what was written in the place of what the slot had, and gives the digest of it.
// Until then the slot has what it had, and from the first rename on something that is not
// whole: its state has to be slots.Writing.
func (b *bootFiles) finish() (digest [32]byte, err error) {
	for i, f := range b.open {
		if f.skip {
			continue
		}
		if err := b.whole(f, b.files[i]); err != nil {
			return digest, err
		}
	}
	if err := b.replace(); err != nil {
		return digest, fmt.Errorf("the files of slot %v on the loader's partition: %w", b.slot, err)
	}
	files := map[string]io.Reader{}
	for i, f := range b.open {
		if f.skip {
			continue
		}
		path, _ := b.files[i].For(b.slot, b.state, nil)
		files[path] = io.NewSectionReader(f, 0, 1<<62)
	}
	return loader.Digest(files)
}

// whole has a file be on the disk as it is to be, and reads it back.
func (b *bootFiles) whole(f bootFile, is manifest.File) error {
	want := is.Blob
	if f.text != nil {
		form := f.text.bytes
		if int64(len(form)) != want.Size || sha256.Sum256(form) != want.Hash {
			return fmt.Errorf("%s is not what the manifest says", is.Path)
		}
		_, data := is.For(b.slot, b.state, form)
		if _, err := f.WriteAt(data, 0); err != nil {
			return fmt.Errorf("write %s: %w", f.Name(), err)
		}
		want = manifest.Blob{Hash: sha256.Sum256(data), Size: int64(len(data))}
	}
	if err := f.Truncate(want.Size); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return f.check(want)
}

// replace renames the new files, the boot entry last, and removes those that there were
// besides.
func (b *bootFiles) replace() error {
	folder := filepath.Join(b.dir, loader.Entry(b.slot))
	entry := filepath.Join(b.dir, loader.Paths(b.slot)[0])
	var names []string
	for i, f := range b.open {
		if !f.skip {
			names = append(names, b.path(b.files[i]))
		}
	}
	slices.SortStableFunc(names, func(x, y string) int {
		if (x == entry) == (y == entry) {
			return 0
		}
		if x == entry {
			return 1
		}
		return -1
	})
	for _, n := range names {
		if err := os.Rename(n+newSuffix, n); err != nil {
			return err
		}
	}
	there, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range there {
		path := filepath.Join(folder, e.Name())
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, path) }) {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	for _, f := range b.open { // Linux counts where a file of FAT begins to the file, not to its folder
		if !f.skip {
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return errors.Join(durable.SyncDir(folder), durable.SyncDir(filepath.Dir(entry)), durable.SyncDir(b.dir))
}

// bases are the files of both slots, from which chunks may be copied. The caller closes them.
func (b *bootFiles) bases() (out []*os.File) {
	for _, s := range []slots.Slot{b.slot.Other(), b.slot} {
		folder := filepath.Join(b.dir, loader.Entry(s))
		there, _ := os.ReadDir(folder) // what is not there is not copied from
		for _, e := range there {
			if f, err := os.Open(filepath.Join(folder, e.Name())); err == nil && !strings.HasSuffix(e.Name(), newSuffix) {
				out = append(out, f)
			}
		}
	}
	return out
}

func (b *bootFiles) close() (err error) {
	for _, f := range b.open {
		if f.disk != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// memory is a file of at most manifest.SizeMost bytes that is nowhere else.
type memory struct{ bytes []byte }

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.bytes)) {
		return 0, io.EOF
	}
	n := copy(b, m.bytes[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	end := at + int64(len(b))
	if at < 0 || end > manifest.SizeMost {
		return 0, fmt.Errorf("a text of more than %d bytes", manifest.SizeMost)
	}
	if end > int64(len(m.bytes)) {
		m.bytes = append(m.bytes, make([]byte, end-int64(len(m.bytes)))...)
	}
	return copy(m.bytes[at:], b), nil
}
