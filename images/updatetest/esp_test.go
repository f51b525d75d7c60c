package updatetest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"clarityos/update/fat"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// files is a file system as of versions of what was read of it.
type files struct {
	*fat.Volume
	ranges  []blockRange
	version string
	broken  bool // some of slot B are, which the updater mends
}

// look reads the loader's partition, unless nothing of its tables and folders is other than
// before. The firmware's files are whole; and what is not, of slot B, the updater mends.
func (m *model) look() error {
	if m.files.Volume != nil && m.version(m.files.ranges) == m.files.version {
		return nil
	}
	part := m.part(bootdisk.ESP)
	v, err := fat.Read(part)
	if err != nil {
		return err
	}
	m.looked++
	at := m.of(bootdisk.ESP).at
	ranges := []blockRange{{at, v.At(2)}}
	broken := false
	for _, f := range v.Files {
		for _, c := range f.Clusters {
			if f.Folder {
				ranges = append(ranges, blockRange{at + v.At(c), v.ClusterSize})
			}
		}
		broken = broken || f.Broken != nil
	}
	m.files = files{v, ranges, m.version(ranges), broken}
	m.lost = max(m.lost, v.Lost())
	return mends(part, v)
}

// mends holds that mending a file system leaves nothing wrong, and all files that are not of
// slot B.
func mends(part io.ReaderAt, v *fat.Volume) error {
	keep := func(path string) bool { return !loader.Belongs(path, slots.B) }
	entries, tables, err := v.Mend(part, keep)
	if err != nil {
		return err
	}
	after, err := fat.Read(&mended{part, append(entries, tables...)})
	if err != nil {
		return err
	}
	if n := after.Lost(); n > 0 {
		return fmt.Errorf("mended, it has %d clusters that belong to no file", n)
	}
	for _, f := range after.Files {
		if f.Broken != nil || !after.Same(f) {
			return fmt.Errorf("mended, %s is %v", f.Path, f.Broken)
		}
	}
	return nil
}

// mended is a disk with writes over it.
type mended struct {
	io.ReaderAt
	writes []fat.Write
}

func (m *mended) ReadAt(b []byte, at int64) (int, error) {
	n, err := m.ReaderAt.ReadAt(b, at)
	for _, w := range m.writes {
		from, to := max(at, w.At), min(at+int64(n), w.At+int64(len(w.Bytes)))
		if from < to {
			copy(b[from-at:to-at], w.Bytes[from-w.At:])
		}
	}
	return n, err
}

// firmware holds the files that are no slot's, the loader's program among them, to be what they
// were.
func (m *model) firmware() error {
	var ranges []blockRange
	files := map[string]*fat.File{}
	for _, f := range m.files.Files {
		if !f.Folder && !loader.Belongs(f.Path, slots.A) && !loader.Belongs(f.Path, slots.B) {
			files[f.Path] = f
			ranges = append(ranges, m.clusters(f)...)
		}
	}
	return m.once(fmt.Sprint("firmware's files ", slices.Sorted(maps.Keys(files))), func() error {
		bytesOf := map[string]io.Reader{}
		for path, f := range files {
			data, err := m.data(f)
			if err != nil {
				return err
			}
			bytesOf[path] = bytes.NewReader(data)
		}
		sum, err := loader.Digest(bytesOf)
		if err == nil && m.loader == [32]byte{} {
			m.loader = sum // it is the first time
		}
		if err == nil && (sum != m.loader || len(files) < 2) {
			err = fmt.Errorf("the firmware's files are not what they were; there are %d", len(files))
		}
		return err
	}, joined(ranges)...)
}

// clusters are where a file is on the disk.
func (m *model) clusters(f *fat.File) (out []blockRange) {
	at := m.of(bootdisk.ESP).at
	for _, c := range f.Clusters {
		out = append(out, blockRange{at + m.files.At(c), m.files.ClusterSize})
	}
	return out
}

// data reads a file of the loader's partition.
func (m *model) data(f *fat.File) ([]byte, error) {
	var b bytes.Buffer
	for _, c := range f.Clusters {
		if _, err := io.Copy(&b, io.NewSectionReader(m.part(bootdisk.ESP), m.files.At(c), m.files.ClusterSize)); err != nil {
			return nil, err
		}
	}
	return b.Bytes()[:f.Size], nil
}
