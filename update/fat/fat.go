// Package fat looks at a FAT32 file system as a cut of power may have left it, and mends that.
//
// Linux's driver writes the table of clusters and the folders in any order, and has no journal.
// A cut leaves clusters that belong to nobody and files whose entry and clusters do not fit each
// other; Linux refuses to write to such a file, and from then on to the whole file system, which
// lasts until somebody mends it.
//
//	fat.go     the file system, and what is wrong with its files
//	folder.go  the entries of folders
//	mend.go    what has to be written to have nothing wrong
//
// The format is that of Microsoft's "FAT: General Overview of On-Disk Format", version 1.03.
package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	sector    = 512
	entrySize = 32 // bytes of one in a folder

	clusterMask = 0x0fffffff
	bad         = 0x0ffffff7 // a cluster that is not used
	end         = 0x0ffffff8 // this and more: there is no further cluster
	mostCluster = 1 << 24    // that are looked at
	folderMost  = 2 << 20    // bytes of a folder's entries (65536 of them)
	deepest     = 16         // folders in folders
)

// Volume is a file system. What it says is as of Read.
type Volume struct {
	Files       []*File // of all folders, and these too
	ClusterSize int64   // bytes

	boot     []byte // the first sector
	info     []byte // that which counts free clusters; nil: there is none
	infoAt   int64
	tables   [][]uint32 // alike, if nothing is wrong
	tablesAt int64
	data     int64   // where cluster 2 begins, in bytes
	root     uint32  // its cluster
	owners   []int32 // of each cluster: its file's place in Files and 1; 0: none
}

// File is a file or a folder.
type File struct {
	Path     string // such as EFI/BOOT/BOOTX64.EFI
	Folder   bool
	Size     int64    // bytes; 0 of a folder
	Clusters []uint32 // in the order of the table, as far as that makes sense
	Broken   error    // why entry and clusters do not fit; nil: they do

	at []int64 // of all parts of its entry, in bytes
}

// Read reads tables and folders. The error is that it is no FAT32 file system, or that its
// root cannot be read.
func Read(r io.ReaderAt) (*Volume, error) {
	v := &Volume{boot: make([]byte, sector)}
	if err := v.read(r); err != nil {
		return nil, fmt.Errorf("FAT32 file system: %w", err)
	}
	return v, nil
}

func (v *Volume) read(r io.ReaderAt) error {
	b := v.boot
	if _, err := r.ReadAt(b, 0); err != nil {
		return err
	}
	half, word := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	reserved, tables, perTable := int64(half(b[14:])), int(b[16]), int64(word(b[36:]))
	v.ClusterSize = int64(b[13]) * sector
	v.tablesAt = reserved * sector
	v.data = v.tablesAt + int64(tables)*perTable*sector
	v.root = word(b[44:])
	if half(b[510:]) != 0xaa55 || half(b[11:]) != sector || v.ClusterSize == 0 || reserved == 0 || tables < 1 || tables > 2 || half(b[22:]) != 0 {
		return errors.New("its first sector is none")
	}
	clusters := (int64(word(b[32:]))*sector - v.data) / v.ClusterSize
	if clusters < 1 || clusters > mostCluster || perTable*sector/4 < clusters+2 {
		return fmt.Errorf("%d clusters, and tables of %d sectors", clusters, perTable)
	}
	for i := range tables {
		raw := make([]byte, (clusters+2)*4)
		if _, err := r.ReadAt(raw, v.tablesAt+int64(i)*perTable*sector); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
		table := make([]uint32, clusters+2)
		for n := range table {
			table[n] = word(raw[4*n:])
		}
		v.tables = append(v.tables, table)
	}
	if at := int64(half(b[48:])); at > 0 && at < reserved {
		v.info, v.infoAt = make([]byte, sector), at*sector
		if _, err := r.ReadAt(v.info, v.infoAt); err != nil {
			return err
		}
		if word(v.info) != 0x41615252 || word(v.info[484:]) != 0x61417272 {
			v.info = nil
		}
	}
	v.owners = make([]int32, clusters+2)
	root := &File{Folder: true}
	v.take(root, v.root)
	if root.Broken != nil {
		return fmt.Errorf("its root: %w", root.Broken)
	}
	return v.folder(r, root, 0)
}

// take follows the clusters of a file from its first one on.
func (v *Volume) take(f *File, first uint32) {
	v.Files = append(v.Files, f)
	own := int32(len(v.Files))
	table := v.tables[0]
	want := (f.Size + v.ClusterSize - 1) / v.ClusterSize
	for n := first; n != 0 || f.Folder; {
		if n < 2 || int(n) >= len(table) {
			f.fail(fmt.Errorf("cluster %d is none", n))
			return
		}
		if other := v.owners[n]; other != 0 {
			v.Files[other-1].fail(fmt.Errorf("cluster %d is that of %q too", n, f.Path))
			f.fail(fmt.Errorf("cluster %d is that of %q too", n, v.Files[other-1].Path))
			return
		}
		next := table[n] & clusterMask
		if next < 2 || next == bad {
			f.fail(fmt.Errorf("cluster %d is not taken", n))
			return
		}
		v.owners[n] = own
		f.Clusters = append(f.Clusters, n)
		if next >= end {
			break
		}
		n = next
	}
	if has := int64(len(f.Clusters)); !f.Folder && has != want {
		f.fail(fmt.Errorf("%d clusters, and %d bytes, which take %d", has, f.Size, want))
	}
}

// fail notes what is wrong first.
func (f *File) fail(err error) {
	if f.Broken == nil {
		f.Broken = err
	}
}

// At is where a cluster begins, in bytes.
func (v *Volume) At(cluster uint32) int64 { return v.data + int64(cluster-2)*v.ClusterSize }

// Lost says how many clusters are taken and belong to no file.
func (v *Volume) Lost() (n int) {
	for c, next := range v.tables[0] {
		if c >= 2 && next&clusterMask != 0 && next&clusterMask != bad && v.owners[c] == 0 {
			n++
		}
	}
	return n
}

// Same says whether all tables have the same for the clusters of a file.
func (v *Volume) Same(f *File) bool {
	for _, c := range f.Clusters {
		for _, t := range v.tables[1:] {
			if (t[c]^v.tables[0][c])&clusterMask != 0 {
				return false
			}
		}
	}
	return true
}
