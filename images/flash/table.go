package flash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"
)

const (
	sector = 512
	// headSize is what the table and the room in front of the first partition take.
	headSize = 1 << 20
	// firstSize is the part of it that is written last: it has the table's header.
	firstSize = 4096

	headerLeast = 92 // bytes that the UEFI specification gives a header
	entryLeast  = 128
	protective  = 0xee // the type of the MBR's partition
)

// table is a GUID partition table, as it is at the start of a disk.
type table struct {
	mbr       []byte // the first sector
	header    []byte // the second one
	entries   []byte
	entrySize int
	from      uint64 // the entries' sector
	sectors   uint64 // of the disk, by where the copy is
}

// part is a partition of a table.
type part struct {
	number      int // of its entry, from 0
	name        string
	guid        guid
	first, last uint64 // sectors
}

// guid is one in the order of bytes that a table has.
type guid [16]byte

func (g guid) String() string {
	return strings.ToUpper(fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:]))
}

// parseTable reads the table at the start of a disk.
func parseTable(head []byte) (*table, error) {
	if len(head) < headSize {
		return nil, errors.New("it is smaller than 1 MiB")
	}
	t := &table{mbr: bytes.Clone(head[:sector]), header: bytes.Clone(head[sector : 2*sector])}
	h := t.header
	if string(h[:8]) != "EFI PART" {
		return nil, errors.New("it has no GUID partition table for sectors of 512 bytes")
	}
	size := binary.LittleEndian.Uint32(h[12:])
	if size < headerLeast || size > sector || binary.LittleEndian.Uint32(h[16:]) != headerSum(h) || binary.LittleEndian.Uint64(h[24:]) != 1 {
		return nil, errors.New("the header of its partition table is damaged")
	}
	count, each := binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:])
	t.from, t.entrySize = binary.LittleEndian.Uint64(h[72:]), int(each)
	t.sectors = binary.LittleEndian.Uint64(h[32:]) + 1
	if each < entryLeast || each%entryLeast != 0 || each > headSize || count > headSize/entryLeast || t.from < 2 || t.from > headSize/sector ||
		t.from*sector+uint64(count)*uint64(each) > headSize {
		return nil, errors.New("the header of its partition table makes no sense")
	}
	t.entries = bytes.Clone(head[t.from*sector:][:count*each])
	if binary.LittleEndian.Uint32(h[88:]) != crc32.ChecksumIEEE(t.entries) {
		return nil, errors.New("the entries of its partition table are damaged")
	}
	if t.protective() == nil || binary.LittleEndian.Uint16(t.mbr[510:]) != 0xaa55 {
		return nil, errors.New("it has no protective MBR")
	}
	return t, nil
}

// headerSum is the checksum of a header, which is over itself as zeros.
func headerSum(h []byte) uint32 {
	h = bytes.Clone(h[:binary.LittleEndian.Uint32(h[12:])])
	clear(h[16:20])
	return crc32.ChecksumIEEE(h)
}

// protective is the MBR's entry that covers the disk; nil: there is none.
func (t *table) protective() []byte {
	for i := range 4 {
		if e := t.mbr[446+16*i:][:16]; e[4] == protective {
			return e
		}
	}
	return nil
}

// parts are the partitions that are in use.
func (t *table) parts() []part {
	var out []part
	for i := range len(t.entries) / t.entrySize {
		e := t.entries[i*t.entrySize:][:t.entrySize]
		if bytes.Equal(e[:16], make([]byte, 16)) {
			continue
		}
		var name []uint16
		for at := 56; at < 128; at += 2 {
			if unit := binary.LittleEndian.Uint16(e[at:]); unit != 0 {
				name = append(name, unit)
			}
		}
		out = append(out, part{i, string(utf16.Decode(name)), guid(e[16:32]), binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])})
	}
	return out
}

// part finds one by name.
func (t *table) part(name string) (part, bool) {
	for _, p := range t.parts() {
		if p.name == name {
			return p, true
		}
	}
	return part{}, false
}

// setGUIDs changes the GUIDs of the disk and of its partitions.
func (t *table) setGUIDs(draw func() guid) {
	g := draw()
	copy(t.header[56:], g[:])
	for _, p := range t.parts() {
		g := draw()
		copy(t.entries[p.number*t.entrySize+16:], g[:])
	}
}

// entrySectors is how many sectors the entries take.
func (t *table) entrySectors() uint64 { return (uint64(len(t.entries)) + sector - 1) / sector }

// tailSectors is how many the copy takes at the disk's end.
func (t *table) tailSectors() uint64 { return t.entrySectors() + 1 }

// check says what is wrong with the partitions' places.
func (t *table) check() error {
	if t.sectors < 2*headSize/sector {
		return errors.New("its partition table is that of a disk smaller than 2 MiB")
	}
	for _, p := range t.parts() {
		if p.last < p.first || p.last >= t.sectors-t.tailSectors() {
			return fmt.Errorf("its partition %d (%s) is not within the disk, or is where the copy of the table has to be", p.number+1, p.name)
		}
	}
	return nil
}

// resize makes the table that of a disk with so many sectors, not fewer than it has.
func (t *table) resize(sectors uint64) {
	t.sectors = sectors
	binary.LittleEndian.PutUint64(t.header[32:], sectors-1)
	binary.LittleEndian.PutUint64(t.header[48:], sectors-t.tailSectors()-1)
	binary.LittleEndian.PutUint32(t.protective()[12:], uint32(min(sectors-1, 1<<32-1)))
	t.sum()
}

func (t *table) sum() {
	binary.LittleEndian.PutUint32(t.header[88:], crc32.ChecksumIEEE(t.entries))
	binary.LittleEndian.PutUint32(t.header[16:], headerSum(t.header))
}

// copyAt is where the copy begins, in bytes.
func (t *table) copyAt() int64 { return int64(t.sectors-t.tailSectors()) * sector }

// copy is the table's copy: the entries, and a header behind them.
func (t *table) copy() []byte {
	out := make([]byte, t.tailSectors()*sector)
	copy(out, t.entries)
	h := out[len(out)-sector:]
	copy(h, t.header)
	binary.LittleEndian.PutUint64(h[24:], t.sectors-1) // itself
	binary.LittleEndian.PutUint64(h[32:], 1)           // the other one
	binary.LittleEndian.PutUint64(h[72:], t.sectors-t.tailSectors())
	binary.LittleEndian.PutUint32(h[16:], headerSum(h))
	return out
}
