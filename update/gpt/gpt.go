// Package gpt reads and changes GUID partition tables (UEFI 2.10, 5.3) of disks with sectors
// of 512 bytes: for an image that goes to a larger device, and for a disk whose last
// partition is to reach to its end.
//
//	gpt.go    the table, and its bytes
//	write.go  changing that of a disk in place
package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf16"
)

const (
	// Sector is the size of a block, in bytes.
	Sector = 512
	// HeadSize is what the table and the room in front of the first partition take.
	HeadSize = 1 << 20

	headerLeast = 92 // bytes that the UEFI specification gives a header
	entryLeast  = 128
	protective  = 0xee // the type of the MBR's partition
)

// Table is a partition table, as it is at the start of a disk.
type Table struct {
	MBR     []byte // the first sector
	Header  []byte // the second one
	Entries []byte
	From    uint64 // the entries' sector
	Sectors uint64 // of the disk, by where the copy is

	entrySize int
}

// Partition is one of a table.
type Partition struct {
	Number      int // of its entry, from 0
	Name        string
	GUID        GUID
	First, Last uint64 // sectors
	Made        bool   // what is in it is whole: see Mark
}

// GUID is one in the order of bytes that a table has.
type GUID [16]byte

// String gives it as people write it, in capitals.
func (g GUID) String() string {
	return strings.ToUpper(fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:]))
}

// Parse reads the table at the start of a disk, of which head has HeadSize bytes.
func Parse(head []byte) (*Table, error) {
	if len(head) < HeadSize {
		return nil, errors.New("it is smaller than 1 MiB")
	}
	t, err := parse(head[:Sector], head[Sector:2*Sector], 1, func(from uint64, size int) ([]byte, error) {
		if from < 2 || from*Sector+uint64(size) > HeadSize {
			return nil, errSenseless
		}
		return head[from*Sector:][:size], nil
	})
	if err != nil {
		return nil, err
	}
	t.Sectors = binary.LittleEndian.Uint64(t.Header[32:]) + 1
	return t, nil
}

var errSenseless = errors.New("the header of its partition table makes no sense")

// parse reads the table whose header is sector own; read gives its entries.
func parse(mbr, header []byte, own uint64, read func(from uint64, size int) ([]byte, error)) (*Table, error) {
	t := &Table{MBR: bytes.Clone(mbr), Header: bytes.Clone(header)}
	h := t.Header
	if string(h[:8]) != "EFI PART" {
		return nil, errors.New("it has no GUID partition table for sectors of 512 bytes")
	}
	size := binary.LittleEndian.Uint32(h[12:])
	if size < headerLeast || size > Sector || binary.LittleEndian.Uint32(h[16:]) != headerSum(h) || binary.LittleEndian.Uint64(h[24:]) != own {
		return nil, errors.New("the header of its partition table is damaged")
	}
	count, each := binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:])
	t.From, t.entrySize = binary.LittleEndian.Uint64(h[72:]), int(each)
	if each < entryLeast || each%entryLeast != 0 || each > HeadSize || count > HeadSize/entryLeast || uint64(count)*uint64(each) > HeadSize || t.From > 1<<50 {
		return nil, errSenseless
	}
	entries, err := read(t.From, int(count*each))
	if err != nil {
		return nil, err
	}
	t.Entries = bytes.Clone(entries)
	if binary.LittleEndian.Uint32(h[88:]) != crc32.ChecksumIEEE(t.Entries) {
		return nil, errors.New("the entries of its partition table are damaged")
	}
	if t.protective() == nil || binary.LittleEndian.Uint16(t.MBR[510:]) != 0xaa55 {
		return nil, errors.New("it has no protective MBR")
	}
	return t, nil
}

// Read reads the table of a disk of size bytes: the one at its start or, when that is not
// whole, the copy at its end.
func Read(disk io.ReaderAt, size int64) (*Table, error) {
	head := make([]byte, HeadSize)
	if _, err := disk.ReadAt(head, 0); err != nil {
		return nil, err
	}
	t, first := Parse(head)
	if first == nil {
		return t, nil
	}
	last := make([]byte, Sector)
	own := uint64(size/Sector) - 1
	if _, err := disk.ReadAt(last, int64(own)*Sector); err != nil {
		return nil, err
	}
	t, err := parse(head[:Sector], last, own, func(from uint64, size int) ([]byte, error) {
		b := make([]byte, size)
		_, err := disk.ReadAt(b, int64(from)*Sector)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("at its start: %w; at its end: %w", first, err)
	}
	t.Sectors, t.From = own+1, 2 // where the entries lie that this is the copy of
	binary.LittleEndian.PutUint64(t.Header[24:], 1)
	binary.LittleEndian.PutUint64(t.Header[32:], own)
	binary.LittleEndian.PutUint64(t.Header[72:], t.From)
	t.sum()
	return t, nil
}

// headerSum is the checksum of a header, which is over itself as zeros.
func headerSum(h []byte) uint32 {
	h = bytes.Clone(h[:binary.LittleEndian.Uint32(h[12:])])
	clear(h[16:20])
	return crc32.ChecksumIEEE(h)
}

// protective is the MBR's entry that covers the disk; nil: there is none.
func (t *Table) protective() []byte {
	for i := range 4 {
		if e := t.MBR[446+16*i:][:16]; e[4] == protective {
			return e
		}
	}
	return nil
}

// Partitions are those that are in use.
func (t *Table) Partitions() []Partition {
	var out []Partition
	for i := range len(t.Entries) / t.entrySize {
		e := t.entry(i)
		if bytes.Equal(e[:16], make([]byte, 16)) {
			continue
		}
		var name []uint16
		for at := 56; at < 128; at += 2 {
			if unit := binary.LittleEndian.Uint16(e[at:]); unit != 0 {
				name = append(name, unit)
			}
		}
		out = append(out, Partition{i, string(utf16.Decode(name)), GUID(e[16:32]), binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:]),
			binary.LittleEndian.Uint64(e[48:])&made != 0})
	}
	return out
}

func (t *Table) entry(number int) []byte { return t.Entries[number*t.entrySize:][:t.entrySize] }

// Partition finds one by name.
func (t *Table) Partition(name string) (Partition, bool) {
	for _, p := range t.Partitions() {
		if p.Name == name {
			return p, true
		}
	}
	return Partition{}, false
}

// SetGUIDs changes the GUIDs of the disk and of its partitions. Resize makes the sums right.
func (t *Table) SetGUIDs(draw func() GUID) {
	g := draw()
	copy(t.Header[56:], g[:])
	for _, p := range t.Partitions() {
		g := draw()
		copy(t.entry(p.Number)[16:], g[:])
	}
}

// CopySectors is how many sectors the copy takes at the disk's end: entries and a header.
func (t *Table) CopySectors() uint64 { return (uint64(len(t.Entries))+Sector-1)/Sector + 1 }

// Check says what is wrong with the partitions' places.
func (t *Table) Check() error {
	if t.Sectors < 2*HeadSize/Sector {
		return errors.New("its partition table is that of a disk smaller than 2 MiB")
	}
	for _, p := range t.Partitions() {
		if p.Last < p.First || p.Last >= t.Sectors-t.CopySectors() {
			return fmt.Errorf("its partition %d (%s) is not within the disk, or is where the copy of the table has to be", p.Number+1, p.Name)
		}
	}
	return nil
}

// Resize makes the table that of a disk with so many sectors, not fewer than it has.
func (t *Table) Resize(sectors uint64) {
	t.Sectors = sectors
	binary.LittleEndian.PutUint64(t.Header[32:], sectors-1)
	binary.LittleEndian.PutUint64(t.Header[48:], sectors-t.CopySectors()-1)
	if e := t.protective(); bytes.Equal(e, t.MBR[446:462]) { // else partitions are named beside it
		binary.LittleEndian.PutUint32(e[12:], uint32(min(sectors-1, 1<<32-1)))
	}
	t.sum()
}

func (t *Table) sum() {
	binary.LittleEndian.PutUint32(t.Header[88:], crc32.ChecksumIEEE(t.Entries))
	binary.LittleEndian.PutUint32(t.Header[16:], headerSum(t.Header))
}

// CopyAt is where the copy begins, in bytes.
func (t *Table) CopyAt() int64 { return int64(t.Sectors-t.CopySectors()) * Sector }

// Copy is the table's copy: the entries, and a header behind them.
func (t *Table) Copy() []byte {
	out := make([]byte, t.CopySectors()*Sector)
	copy(out, t.Entries)
	h := out[len(out)-Sector:]
	copy(h, t.Header)
	binary.LittleEndian.PutUint64(h[24:], t.Sectors-1) // itself
	binary.LittleEndian.PutUint64(h[32:], 1)           // the other one
	binary.LittleEndian.PutUint64(h[72:], t.Sectors-t.CopySectors())
	binary.LittleEndian.PutUint32(h[16:], headerSum(h))
	return out
}
