package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Write is bytes that have to be in a place.
type Write struct {
	At    int64
	Bytes []byte
}

// Mend gives what is to be written, in two steps, of which the first has to be on the disk before
// the second begins, so that the file system has nothing wrong but broken files that are kept:
// other broken files and folders are gone, clusters that belonged to no file are free, and the
// tables are alike. A cut of power on the way leaves what can be mended again. There is nothing to
// write where nothing is wrong.
func (v *Volume) Mend(r io.ReaderAt, keep func(path string) bool) (entries, tables []Write, err error) {
	table := slices.Clone(v.tables[0])
	gone := make([]bool, len(v.Files)+1) // by owner
	var kept []error
	for i, f := range v.Files {
		if f.Broken == nil {
			continue
		}
		if i == 0 || keep(f.Path) { // whose its clusters are is not known
			kept = append(kept, fmt.Errorf("%q: %w", f.Path, f.Broken))
			continue
		}
		for j, in := range v.Files {
			gone[j+1] = gone[j+1] || in == f || strings.HasPrefix(in.Path, f.Path+"/")
		}
		for _, at := range f.at {
			if entries, err = patch(entries, r, at, []byte{removed}); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(kept) > 0 {
		return nil, nil, errors.Join(kept...)
	}
	free := uint32(0)
	for c := 2; c < len(table); c++ {
		if owner := v.owners[c]; (owner == 0 || gone[owner]) && table[c]&clusterMask != bad {
			table[c] &^= clusterMask
		}
		if table[c]&clusterMask == 0 {
			free++
		}
	}
	size := int64(binary.LittleEndian.Uint32(v.boot[36:])) * sector
	for i, old := range v.tables {
		for c := range table {
			if table[c] == old[c] {
				continue
			}
			at := v.tablesAt + int64(i)*size + int64(c)*4
			if tables, err = patch(tables, r, at, binary.LittleEndian.AppendUint32(nil, table[c])); err != nil {
				return nil, nil, err
			}
		}
	}
	if v.info != nil && binary.LittleEndian.Uint32(v.info[488:]) != free {
		tables, err = patch(tables, r, v.infoAt+488, binary.LittleEndian.AppendUint32(nil, free))
	}
	if err == nil && v.boot[65]&1 != 0 { // Linux's mark of a file system that is in use
		tables, err = patch(tables, r, 65, []byte{v.boot[65] &^ 1})
	}
	return entries, tables, err
}

// patch has bytes be in a place, within the sector that is written for it.
func patch(all []Write, r io.ReaderAt, at int64, b []byte) ([]Write, error) {
	begin := at / sector * sector
	i := len(all) - 1
	for i >= 0 && all[i].At != begin { // mostly it is the last one
		i--
	}
	if i < 0 {
		whole := make([]byte, sector)
		if _, err := r.ReadAt(whole, begin); err != nil {
			return nil, err
		}
		i, all = len(all), append(all, Write{begin, whole})
	}
	copy(all[i].Bytes[at-begin:], b)
	return all, nil
}
