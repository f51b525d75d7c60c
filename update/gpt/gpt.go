// Package gpt changes the GUID partition table of a disk (UEFI 2.10, chapter 5.3) that has
// come to lie on a larger one: the table's second copy moves to the disk's end, and its last
// partition grows. Whatever write a cut of power ends, one of both copies is whole.
package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

const (
	// Sector is the only size of a disk's blocks that is known here, in bytes.
	Sector = 512
	// align is what ends of partitions are rounded down to, in sectors.
	align = 1 << 20 / Sector

	headSize  = 92
	entrySize = 128
	entryMost = 128
	// entrySectors is how much all entries take.
	entrySectors = entryMost * entrySize / Sector
)

// Where a header has what, in bytes.
const (
	signature   = "EFI PART\x00\x00\x01\x00"
	atSize      = 12
	atSum       = 16
	atOwn       = 24
	atOther     = 32
	atFirst     = 40
	atLast      = 48
	atEntries   = 72
	atCount     = 80
	atEntrySize = 84
	atEntrySum  = 88
)

// Table is a partition table.
type Table struct {
	head    [headSize]byte
	entries []byte
	size    int64 // of the disk, in sectors
}

// Read reads the table of a disk of size bytes: its first copy or, when that is not whole,
// the one at the disk's end.
func Read(disk io.ReaderAt, size int64) (*Table, error) {
	first, err := read(disk, size/Sector, 1)
	if err == nil {
		return first, nil
	}
	last, other := read(disk, size/Sector, size/Sector-1)
	if other != nil {
		return nil, fmt.Errorf("no partition table: at the disk's begin %w, at its end %w", err, other)
	}
	return last, nil
}

func read(disk io.ReaderAt, size, at int64) (*Table, error) {
	t := &Table{size: size, entries: make([]byte, entryMost*entrySize)}
	var sector [Sector]byte
	if _, err := disk.ReadAt(sector[:], at*Sector); err != nil {
		return nil, err
	}
	copy(t.head[:], sector[:])
	sum := t.number(atSum, 4)
	switch {
	case !bytes.HasPrefix(t.head[:], []byte(signature)) || t.number(atSize, 4) != headSize:
		return nil, errors.New("there is no header")
	case sum != headSum(t.head):
		return nil, errors.New("the header's checksum does not hold")
	case t.number(atOwn, 8) != at:
		return nil, fmt.Errorf("the header is that of sector %d", t.number(atOwn, 8))
	case t.number(atCount, 4) != entryMost || t.number(atEntrySize, 4) != entrySize:
		return nil, fmt.Errorf("it has %d entries of %d bytes, not %d of %d", t.number(atCount, 4), t.number(atEntrySize, 4), entryMost, entrySize)
	}
	begin := t.number(atEntries, 8)
	if begin < 1 || begin > size-entrySectors {
		return nil, fmt.Errorf("its entries are said to begin at sector %d", begin)
	}
	if _, err := disk.ReadAt(t.entries, begin*Sector); err != nil {
		return nil, err
	}
	if int64(crc32.ChecksumIEEE(t.entries)) != t.number(atEntrySum, 4) {
		return nil, errors.New("the entries' checksum does not hold")
	}
	return t, nil
}

// number reads a little-endian field of the header.
func (t *Table) number(at, bytes int) int64 {
	if bytes == 4 {
		return int64(binary.LittleEndian.Uint32(t.head[at:]))
	}
	return int64(binary.LittleEndian.Uint64(t.head[at:]))
}

func headSum(head [headSize]byte) int64 {
	clear(head[atSum : atSum+4])
	return int64(crc32.ChecksumIEEE(head[:]))
}

// Grow has the table reach to the disk's end, and in it the partition of a name, if that is
// the last one. It gives the partition's number, from 1, its begin and its size in bytes, and
// whether anything has changed.
func (t *Table) Grow(name string) (number int, begin, size int64, changed bool, err error) {
	var mine []byte
	var last int64
	for i := range entryMost {
		e := t.entries[i*entrySize:][:entrySize]
		if [16]byte(e) == ([16]byte{}) {
			continue
		}
		last = max(last, int64(binary.LittleEndian.Uint64(e[40:])))
		if mine == nil && label(e) == name {
			mine, number = e, i+1
		}
	}
	if mine == nil {
		return 0, 0, 0, false, fmt.Errorf("the disk has no partition %s", name)
	}
	first, end := int64(binary.LittleEndian.Uint64(mine[32:])), int64(binary.LittleEndian.Uint64(mine[40:]))
	usable := t.size - 1 - entrySectors - 1 // the last sector that a partition may have
	if want := (usable+1)/align*align - 1; end == last && want > end {
		end, changed = want, true
		binary.LittleEndian.PutUint64(mine[40:], uint64(end))
	}
	if t.number(atLast, 8) < usable {
		changed = true
		binary.LittleEndian.PutUint64(t.head[atLast:], uint64(usable))
	}
	return number, first * Sector, (end - first + 1) * Sector, changed, nil
}

// label is the name of an entry's partition.
func label(e []byte) string {
	var text []uint16
	for b := e[56:entrySize]; len(b) > 0; b = b[2:] {
		c := binary.LittleEndian.Uint16(b)
		if c == 0 {
			break
		}
		text = append(text, c)
	}
	return string(utf16.Decode(text))
}

// Disk is what a table is written to.
type Disk interface {
	io.WriterAt
	Sync() error
}

// Write puts both copies on the disk: the one at its end first, which is whole before the
// other one is touched.
func (t *Table) Write(disk Disk) error {
	last := t.size - 1
	for _, c := range []struct{ own, other, entries int64 }{{last, 1, last - entrySectors}, {1, last, 2}} {
		head := t.head
		binary.LittleEndian.PutUint64(head[atOwn:], uint64(c.own))
		binary.LittleEndian.PutUint64(head[atOther:], uint64(c.other))
		binary.LittleEndian.PutUint64(head[atEntries:], uint64(c.entries))
		binary.LittleEndian.PutUint32(head[atEntrySum:], crc32.ChecksumIEEE(t.entries))
		binary.LittleEndian.PutUint32(head[atSum:], uint32(headSum(head)))
		sector := make([]byte, Sector)
		copy(sector, head[:])
		if _, err := disk.WriteAt(t.entries, c.entries*Sector); err != nil {
			return fmt.Errorf("write the partition table: %w", err)
		}
		if _, err := disk.WriteAt(sector, c.own*Sector); err != nil {
			return fmt.Errorf("write the partition table: %w", err)
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("write the partition table: %w", err)
		}
	}
	return nil
}
