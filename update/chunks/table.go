package chunks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Hash is a SHA-256 sum.
type Hash = [sha256.Size]byte

// Entry is a chunk of a pack. Its place there is behind those of all earlier entries.
type Entry struct {
	Plain  Hash   // of its bytes
	Packed Hash   // of its bytes in the pack
	Size   uint32 // in bytes, at most SizeMost
	Length uint32 // in the pack, likewise, at most PackedMost
}

// Table says what a pack has, and of which chunks parts consist: those of the first part,
// then those of the second, and so on. How many are whose is said elsewhere.
type Table struct {
	Entries  []Entry
	Sequence []uint32 // indexes of Entries

	offsets []int64 // of entries in the pack
}

// Bounds of a table.
const (
	PackedMost   = SizeMost + SizeMost>>8 + 64 // of a chunk in a pack, in bytes (ZSTD_COMPRESSBOUND in zstd.h)
	EntriesMost  = 1 << 20
	SequenceMost = 1 << 21
	// TableMost is the size of the largest table, in bytes.
	TableMost = headerSize + EntriesMost*entrySize + SequenceMost*4
)

// A table is, in little-endian: magic (8), how many entries and how long a sequence (4 each);
// for each entry both hashes, size and length (32, 32, 4, 4); the sequence (4 each).
const (
	magic      = "CLRYCHK1"
	headerSize = 16
	entrySize  = 72
)

// Encode gives a table's bytes.
func (t *Table) Encode() []byte {
	b := make([]byte, 0, headerSize+len(t.Entries)*entrySize+len(t.Sequence)*4)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Entries)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Sequence)))
	for _, e := range t.Entries {
		b = append(append(b, e.Plain[:]...), e.Packed[:]...)
		b = binary.LittleEndian.AppendUint32(b, e.Size)
		b = binary.LittleEndian.AppendUint32(b, e.Length)
	}
	for _, n := range t.Sequence {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

// Decode reads a table. The error says what is wrong with it; one that is given is within all
// bounds.
func Decode(b []byte) (*Table, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("it is no table of chunks: it does not begin with %s", magic)
	}
	entries, sequence := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if entries > EntriesMost || sequence > SequenceMost {
		return nil, fmt.Errorf("a table of %d chunks in %d places; at most %d in %d can be", entries, sequence, EntriesMost, SequenceMost)
	}
	if want := headerSize + int(entries)*entrySize + int(sequence)*4; len(b) != want {
		return nil, fmt.Errorf("a table of %d chunks in %d places has %d bytes, not %d", entries, sequence, want, len(b))
	}
	t := &Table{Entries: make([]Entry, entries), Sequence: make([]uint32, sequence), offsets: make([]int64, entries)}
	b = b[headerSize:]
	at := int64(0)
	for i := range t.Entries {
		e := &t.Entries[i]
		copy(e.Plain[:], b)
		copy(e.Packed[:], b[32:])
		e.Size, e.Length = binary.LittleEndian.Uint32(b[64:]), binary.LittleEndian.Uint32(b[68:])
		if e.Size == 0 || e.Size > SizeMost || e.Length == 0 || e.Length > PackedMost {
			return nil, fmt.Errorf("chunk %d has %d bytes, packed %d; at most %d and %d can be, and one at least", i, e.Size, e.Length, SizeMost, PackedMost)
		}
		t.offsets[i] = at
		at += int64(e.Length)
		b = b[entrySize:]
	}
	for i := range t.Sequence {
		n := binary.LittleEndian.Uint32(b[4*i:])
		if n >= entries {
			return nil, fmt.Errorf("place %d has chunk %d, and there are %d", i, n, entries)
		}
		t.Sequence[i] = n
	}
	return t, nil
}

// Offset is where an entry begins in the pack.
func (t *Table) Offset(entry uint32) int64 { return t.offsets[entry] }

// PackSize is that of the whole pack, in bytes.
func (t *Table) PackSize() int64 {
	size := int64(0)
	for _, e := range t.Entries {
		size += int64(e.Length)
	}
	return size
}

// Part gives the sequence of a part of so many places that begins at place from, and its size
// in bytes. The error says that there are no such places, or that the size is another one.
func (t *Table) Part(from, places int, size int64) ([]uint32, error) {
	if from < 0 || places < 0 || from > len(t.Sequence) || places > len(t.Sequence)-from {
		return nil, fmt.Errorf("a part has %d places from %d on, and the table has %d", places, from, len(t.Sequence))
	}
	part := t.Sequence[from : from+places]
	got := int64(0)
	for _, n := range part {
		got += int64(t.Entries[n].Size)
	}
	if got != size {
		return nil, fmt.Errorf("its chunks have %d bytes, and the part %d", got, size)
	}
	return part, nil
}
