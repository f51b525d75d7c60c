// Package disk writes images of disks: a GUID partition table and what is in the
// partitions. The bytes depend on nothing but what is asked for.
package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"
)

// Types of partitions, as the Discoverable Partitions Specification has them, and
// State, which is ClarityOS' own.
const (
	ESP   = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	Var   = "4D21B016-B534-45C2-A9FB-5C16E091FD2D"
	State = "6A2F1D0C-5B3E-4C57-9E0B-1C8A7F0D4E21"
)

// Types of roots and their hash trees, by Go's name of the architecture.
var (
	Root   = map[string]string{"amd64": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "arm64": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE"}
	Verity = map[string]string{"amd64": "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5", "arm64": "DF3300CE-D69F-4C92-978C-9BFB0F38D820"}
)

const (
	// Sector is the size of a block of disks, in bytes.
	Sector = 512
	// align is where partitions begin, and what their sizes are rounded up to, in bytes.
	align = 1 << 20
	// nameMost is how many UTF-16 units a partition's name may have; all are ASCII here.
	nameMost = 36
)

// Partition is one of a disk.
type Partition struct {
	Name string // ASCII, not longer than 36; no two of a disk are alike
	Type string // a GUID
	Size int64  // bytes; it is rounded up to whole MiB
	// MBR is the type by which a Master Boot Record names it too, for firmware that knows
	// no GPT; 0: it does not. There can be one.
	MBR byte
	// Fill writes what is in it, which reads as zeros before; nil: nothing.
	Fill func(w io.WriterAt) error
}

// Placed is a partition on a disk.
type Placed struct {
	Partition
	GUID  string
	Start int64 // bytes
}

// Place gives where partitions come to lie, one after another, and how large the disk is
// for it, in bytes. Their GUIDs are drawn from seed and their names.
func Place(seed string, all []Partition) (placed []Placed, size int64, err error) {
	at := int64(align)
	names := map[string]bool{}
	for _, p := range all {
		if p.Name == "" || len(p.Name) > nameMost || names[p.Name] || strings.ContainsFunc(p.Name, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, 0, fmt.Errorf("a partition is called %q: it takes 1 to %d characters of ASCII that no other one has", p.Name, nameMost)
		}
		if p.Size <= 0 {
			return nil, 0, fmt.Errorf("partition %s has %d bytes", p.Name, p.Size)
		}
		names[p.Name] = true
		p.Size = (p.Size + align - 1) / align * align
		placed = append(placed, Placed{p, GUID(seed, p.Name), at})
		at += p.Size
	}
	return placed, at + align, nil // the last MiB has the table's copy
}

// GUID draws one from texts, as RFC 9562 has version 8 of a UUID.
func GUID(texts ...string) string {
	b := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// Write writes a disk of so many bytes to a new file, where what is empty takes no room.
func Write(path, seed string, placed []Placed, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write a disk: %w", err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("write disk %s: %w", path, err)
	}
	table := &gpt.Table{LogicalSectorSize: Sector, PhysicalSectorSize: Sector, ProtectiveMBR: true, GUID: GUID(seed)}
	for i, p := range placed {
		table.Partitions = append(table.Partitions, &gpt.Partition{Index: i + 1, Name: p.Name, Type: gpt.Type(p.Type), GUID: p.GUID,
			Start: uint64(p.Start / Sector), End: uint64((p.Start+p.Size)/Sector) - 1, Size: uint64(p.Size)})
	}
	storage, err := file.New(f, false).Writable()
	if err == nil {
		err = table.Write(storage, size)
	}
	if err != nil {
		return fmt.Errorf("write the partition table of %s: %w", path, err)
	}
	for _, p := range placed {
		if p.MBR != 0 {
			if err := hybrid(f, p); err != nil {
				return fmt.Errorf("write the MBR of %s: %w", path, err)
			}
		}
		if p.Fill == nil {
			continue
		}
		if err := p.Fill(&window{f, p.Start, p.Size}); err != nil {
			return fmt.Errorf("write partition %s of %s: %w", p.Name, path, err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write disk %s: %w", path, err)
	}
	return f.Close()
}

// hybrid has the MBR name a partition, beside the GPT that it protects from programs that know
// only MBRs.
func hybrid(disk io.ReadWriteSeeker, p Placed) error {
	const entry = 446
	var mbr [Sector]byte
	if _, err := disk.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.ReadFull(disk, mbr[:]); err != nil {
		return err
	}
	protects, e := mbr[entry+16:entry+32], mbr[entry:entry+16]
	copy(protects, e)
	binary.LittleEndian.PutUint32(protects[12:], uint32(p.Start/Sector)-1) // what is in front
	copy(e, []byte{0, 0xfe, 0xff, 0xff, p.MBR, 0xfe, 0xff, 0xff})          // places beyond what cylinders can say
	binary.LittleEndian.PutUint32(e[8:], uint32(p.Start/Sector))
	binary.LittleEndian.PutUint32(e[12:], uint32(p.Size/Sector))
	if _, err := disk.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := disk.Write(mbr[:])
	return err
}

// window is a partition of a disk.
type window struct {
	disk        io.WriterAt
	start, size int64
}

func (w *window) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > w.size {
		return 0, fmt.Errorf("%d bytes at %d are beyond the partition's %d", len(b), at, w.size)
	}
	return w.disk.WriteAt(b, w.start+at)
}
