package gpt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf16"
)

// align is what ends of partitions are rounded down to, in sectors.
const align = 1 << 20 / Sector

// Grow makes the table that of a disk of size bytes, not less than it is of, and has the
// partition of a name reach to the end, if it is the last one. Changed says whether anything
// is other than before.
func (t *Table) Grow(name string, size int64) (p Partition, changed bool, err error) {
	p, ok := t.Partition(name)
	if !ok {
		return p, false, fmt.Errorf("the disk has no partition %s", name)
	}
	sectors := uint64(size / Sector)
	changed = sectors != t.Sectors
	last := true
	for _, other := range t.Partitions() {
		last = last && other.Last <= p.Last
	}
	if end := (sectors-t.CopySectors())/align*align - 1; last && end > p.Last {
		p.Last, changed = end, true
		binary.LittleEndian.PutUint64(t.entry(p.Number)[40:], end)
	}
	t.Resize(sectors)
	return p, changed, nil
}

// Var is the type of a partition of /var (uapi-group.org, Discoverable Partitions
// Specification).
var Var = GUID{0x16, 0xb0, 0x21, 0x4d, 0x34, 0xb5, 0xc2, 0x45, 0xa9, 0xfb, 0x5c, 0x16, 0xe0, 0x91, 0xfd, 0x2d}

// made is the attribute by which Mark tells, one of those that are a type's own.
const made = 1 << 48

// Mark notes whether what is in a partition has been made, and is whole. Without it a cut of
// power on the way and a damage that came later look the same.
func (t *Table) Mark(number int, whole bool) {
	at := t.entry(number)[48:]
	attributes := binary.LittleEndian.Uint64(at) &^ made
	if whole {
		attributes |= made
	}
	binary.LittleEndian.PutUint64(at, attributes)
	t.sum()
}

// Add makes a partition behind all others, which reaches to the end of a disk of so many
// bytes as Grow has it.
func (t *Table) Add(name string, kind, guid GUID, size int64) (p Partition, err error) {
	begin, free := uint64(align), -1
	for i := range len(t.Entries) / t.entrySize {
		switch e := t.entry(i); {
		case bytes.Equal(e[:16], make([]byte, 16)):
			if free < 0 {
				free = i
			}
		default:
			begin = max(begin, (binary.LittleEndian.Uint64(e[40:])/align+1)*align)
		}
	}
	sectors := uint64(size / Sector)
	if free < 0 || begin+align > sectors-t.CopySectors() {
		return p, fmt.Errorf("there is no room on the disk for a partition %s", name)
	}
	e := t.entry(free)
	clear(e)
	copy(e, kind[:])
	copy(e[16:], guid[:])
	binary.LittleEndian.PutUint64(e[32:], begin)
	binary.LittleEndian.PutUint64(e[40:], begin+align-1)
	for i, unit := range utf16.Encode([]rune(name)) {
		binary.LittleEndian.PutUint16(e[56+2*i:], unit)
	}
	p, _, err = t.Grow(name, size)
	return p, err
}

// Disk is what a table is written to.
type Disk interface {
	io.WriterAt
	Sync() error
}

// Write puts the table on the disk: the copy at its end first, which is on the disk before
// the other one is touched. Whatever write a cut of power ends, one of both is whole.
func (t *Table) Write(disk Disk) error {
	for _, step := range [][]struct {
		at    int64
		bytes []byte
	}{
		{{t.CopyAt(), t.Copy()}},
		{{int64(t.From) * Sector, t.Entries}, {Sector, t.Header}},
		{{0, t.MBR}},
	} {
		for _, w := range step {
			if _, err := disk.WriteAt(w.bytes, w.at); err != nil {
				return fmt.Errorf("write the partition table: %w", err)
			}
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("write the partition table: %w", err)
		}
	}
	return nil
}
