// Package fat writes FAT32 file systems, as EFI system partitions are: whole, from values,
// the same bytes each time. Nothing else is done with them here.
//
// The format is that of Microsoft's "FAT: General Overview of On-Disk Format", version
// 1.03; long names are those of its chapter "FAT Long Directory Entries".
package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf16"
)

// FileSystem is what is to be written.
type FileSystem struct {
	Size   int64     // bytes, a multiple of 512, at least MinSize
	Label  string    // at most 11 characters of A-Z, 0-9, - and _
	Serial uint32    // the volume's
	Time   time.Time // of all files, 1980 to 2107, kept in UTC with two seconds' resolution
	Files  []File    // folders come about by the files in them
}

// File is a file. Names are compared as FAT does, without regard to case.
type File struct {
	Path string // such as EFI/BOOT/BOOTX64.EFI
	Data []byte
}

const (
	sector   = 512
	reserved = 32 // sectors in front of the tables
	tables   = 2
	entry    = 32 // bytes of one in a folder
	// fewest is how few clusters make a file system FAT32, with some to spare.
	fewest = 65525 + 16
	// MinSize is that of the smallest file system, in bytes.
	MinSize = 34 << 20
	last    = 0x0fffffff // the mark behind a file's last cluster
	media   = 0x0ffffff8 // what the table begins with, for a fixed disk
)

// Attributes of entries.
const (
	isVolume = 0x08
	isFolder = 0x10
	isFile   = 0x20
	isLong   = 0x0f
)

// layout is where everything is, in sectors, and clusters, which are counted from 2.
type layout struct {
	perCluster, perTable, clusters uint32
}

func (f *FileSystem) layout() (l layout, err error) {
	if f.Size < MinSize || f.Size%sector != 0 || f.Size/sector > 1<<32-1 {
		return l, fmt.Errorf("a FAT32 file system of %d bytes: it takes a multiple of %d, from %d to 2 TiB", f.Size, sector, MinSize)
	}
	sectors := uint32(f.Size / sector)
	l.perCluster = 1
	for l.perCluster < 64 && sectors/(2*l.perCluster) > 2*fewest {
		l.perCluster *= 2
	}
	// As many sectors of tables as all clusters need that there would be without tables:
	// at most some too many.
	l.perTable = ((sectors-reserved)/l.perCluster + 2 + sector/4 - 1) / (sector / 4)
	l.clusters = (sectors - reserved - tables*l.perTable) / l.perCluster
	if l.clusters < fewest {
		return l, fmt.Errorf("a FAT32 file system of %d bytes has %d clusters, fewer than %d", f.Size, l.clusters, fewest)
	}
	return l, nil
}

// folder is a folder on its way into clusters.
type folder struct {
	name    string // its own; "" of the root
	parent  *folder
	folders []*folder
	files   []*File
	first   uint32 // cluster
}

// WriteTo writes the file system to w, which reads as zeros where nothing was written yet.
func (f *FileSystem) WriteTo(w io.WriterAt) error {
	l, err := f.layout()
	if err != nil {
		return err
	}
	if f.Label == "" || len(f.Label) > 11 || strings.Trim(f.Label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return fmt.Errorf("label %q of a FAT32 file system: it takes 1 to 11 of A-Z, 0-9, - and _", f.Label)
	}
	if y := f.Time.UTC().Year(); y < 1980 || y > 2107 {
		return fmt.Errorf("time %v in a FAT32 file system: it takes the years 1980 to 2107", f.Time)
	}
	root, err := f.tree()
	if err != nil {
		return err
	}
	v := &volume{FileSystem: f, layout: l, w: w, table: []uint32{media, last}}
	if err := v.folder(root); err != nil {
		return err
	}
	return v.finish()
}

// tree sorts the files into folders.
func (f *FileSystem) tree() (*folder, error) {
	root := &folder{}
	known := map[string]*folder{"": root}
	taken := map[string]string{}
	for i := range f.Files {
		file := &f.Files[i]
		if path.Clean("/"+file.Path) != "/"+file.Path || file.Path == "" {
			return nil, fmt.Errorf("%q is no path in a file system", file.Path)
		}
		at, parts := root, strings.Split(file.Path, "/")
		for n, part := range parts {
			if err := check(part); err != nil {
				return nil, fmt.Errorf("%s: %w", file.Path, err)
			}
			p := strings.ToUpper(strings.Join(parts[:n+1], "/"))
			if n == len(parts)-1 {
				if other, twice := taken[p]; twice || known[p] != nil {
					return nil, fmt.Errorf("%s and %s have one name", file.Path, other)
				}
				taken[p] = file.Path
				at.files = append(at.files, file)
				break
			}
			if other, twice := taken[p]; twice {
				return nil, fmt.Errorf("%s is a file, and a folder of %s", other, file.Path)
			}
			if known[p] == nil {
				known[p] = &folder{name: part, parent: at}
				at.folders = append(at.folders, known[p])
			}
			at = known[p]
		}
	}
	return root, nil
}

// check says what is wrong with a name.
func check(name string) error {
	if len(utf16.Encode([]rune(name))) > 255 || strings.ContainsAny(name, "\"*/:<>?\\|") || strings.TrimRight(name, ". ") != name || name == "" {
		return fmt.Errorf("%q is no name that FAT can have", name)
	}
	for _, r := range name {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return fmt.Errorf("%q is no name that FAT can have", name)
		}
	}
	return nil
}

// volume is a file system that is being written.
type volume struct {
	*FileSystem
	layout
	w     io.WriterAt
	table []uint32 // of clusters, as far as they are in use
}

// ErrFull is that the files need more room than there is.
var ErrFull = errors.New("the FAT file system is too small for its files")

// take reserves clusters for n bytes, one after another, and gives the first; 0 for none.
func (v *volume) take(n int) (uint32, error) {
	size := int(v.perCluster) * sector
	count := (n + size - 1) / size
	if count == 0 {
		return 0, nil
	}
	first := uint32(len(v.table))
	if len(v.table)-2+count > int(v.clusters) {
		return 0, fmt.Errorf("%w: they need more than %d clusters of %d bytes", ErrFull, v.clusters, size)
	}
	for i := range count - 1 {
		v.table = append(v.table, first+uint32(i)+1)
	}
	v.table = append(v.table, last)
	return first, nil
}

// at is where a cluster begins, in bytes.
func (v *volume) at(cluster uint32) int64 {
	return sector * (reserved + tables*int64(v.perTable) + int64(cluster-2)*int64(v.perCluster))
}

// folder writes a folder and all in it. Its own clusters come first, so that it is known
// where it is.
func (v *volume) folder(d *folder) error {
	sort.Slice(d.folders, func(i, j int) bool { return d.folders[i].name < d.folders[j].name })
	sort.Slice(d.files, func(i, j int) bool { return d.files[i].Path < d.files[j].Path })
	names := newNames()
	size := entry // of the root's label, or
	if d.parent != nil {
		size = 2 * entry // … of the two that a folder begins with
	}
	var all []named
	for _, sub := range d.folders {
		all = append(all, named{name: sub.name, folder: sub})
	}
	for _, file := range d.files {
		all = append(all, named{name: path.Base(file.Path), file: file})
	}
	for i := range all {
		var err error
		if all[i].short, all[i].long, err = names.add(all[i].name); err != nil {
			return err
		}
		size += entry * (1 + len(all[i].long))
	}
	first, err := v.take(size)
	if err != nil {
		return err
	}
	d.first = first
	body := v.head(d)
	for _, n := range all {
		attribute, cluster, bytes := byte(isFile), uint32(0), 0
		if n.folder != nil {
			if err := v.folder(n.folder); err != nil {
				return err
			}
			attribute, cluster = isFolder, n.folder.first
		} else {
			if cluster, err = v.take(len(n.file.Data)); err != nil {
				return err
			}
			if len(n.file.Data) > 0 {
				if _, err := v.w.WriteAt(n.file.Data, v.at(cluster)); err != nil {
					return err
				}
			}
			bytes = len(n.file.Data)
		}
		for _, part := range slices.Backward(n.long) {
			body = append(body, part[:]...)
		}
		body = append(body, v.entry(n.short, attribute, cluster, bytes)...)
	}
	_, err = v.w.WriteAt(body, v.at(first))
	return err
}

// named is what has a name in a folder: a folder or a file.
type named struct {
	name   string
	short  [11]byte
	long   [][entry]byte // the first part first
	folder *folder
	file   *File
}

// head is what a folder begins with.
func (v *volume) head(d *folder) []byte {
	if d.parent == nil {
		return v.entry(padded(v.Label), isVolume, 0, 0)
	}
	above := d.parent.first
	if d.parent.parent == nil {
		above = 0 // the root is told by 0
	}
	return append(v.entry(padded("."), isFolder, d.first, 0), v.entry(padded(".."), isFolder, above, 0)...)
}

func padded(s string) (out [11]byte) {
	copy(out[:], fmt.Sprintf("%-11.11s", s))
	return out
}

func (v *volume) entry(name [11]byte, attribute byte, cluster uint32, size int) []byte {
	t := v.Time.UTC()
	date := uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
	clock := uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
	b := append(make([]byte, 0, entry), name[:]...)
	b = append(b, attribute, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, clock) // made
	b = binary.LittleEndian.AppendUint16(b, date)
	b = binary.LittleEndian.AppendUint16(b, date) // read
	b = binary.LittleEndian.AppendUint16(b, uint16(cluster>>16))
	b = binary.LittleEndian.AppendUint16(b, clock) // written
	b = binary.LittleEndian.AppendUint16(b, date)
	b = binary.LittleEndian.AppendUint16(b, uint16(cluster))
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

// finish writes the tables, and the sectors in front of them.
func (v *volume) finish() error {
	boot := v.bootSector()
	info := make([]byte, sector)
	binary.LittleEndian.PutUint32(info, 0x41615252)
	binary.LittleEndian.PutUint32(info[484:], 0x61417272)
	binary.LittleEndian.PutUint32(info[488:], v.clusters+2-uint32(len(v.table))) // free
	binary.LittleEndian.PutUint32(info[492:], uint32(len(v.table)))              // the next free one
	binary.LittleEndian.PutUint32(info[508:], 0xaa550000)
	table := make([]byte, 0, 4*len(v.table))
	for _, next := range v.table {
		table = binary.LittleEndian.AppendUint32(table, next)
	}
	for _, part := range []struct {
		at   int64
		what []byte
	}{{0, boot}, {1, info}, {6, boot}, {7, info}, {reserved, table}, {reserved + int64(v.perTable), table}} {
		if _, err := v.w.WriteAt(part.what, part.at*sector); err != nil {
			return err
		}
	}
	return nil
}

func (v *volume) bootSector() []byte {
	b := make([]byte, sector)
	copy(b, []byte{0xeb, 0x58, 0x90})
	copy(b[3:], "CLARITY ")
	binary.LittleEndian.PutUint16(b[11:], sector)
	b[13] = byte(v.perCluster)
	binary.LittleEndian.PutUint16(b[14:], reserved)
	b[16] = tables
	b[21] = media & 0xff
	binary.LittleEndian.PutUint16(b[24:], 32) // sectors in a track and
	binary.LittleEndian.PutUint16(b[26:], 64) // heads, which nobody counts any more
	binary.LittleEndian.PutUint32(b[32:], uint32(v.Size/sector))
	binary.LittleEndian.PutUint32(b[36:], v.perTable)
	binary.LittleEndian.PutUint32(b[44:], 2) // the root's cluster
	binary.LittleEndian.PutUint16(b[48:], 1) // where free clusters are counted
	binary.LittleEndian.PutUint16(b[50:], 6) // the copy of this sector
	b[64], b[66] = 0x80, 0x29
	binary.LittleEndian.PutUint32(b[67:], v.Serial)
	label := padded(v.Label)
	copy(b[71:], label[:])
	copy(b[82:], "FAT32   ")
	b[510], b[511] = 0x55, 0xaa
	return b
}
