package slots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"unicode/utf8"
)

// Slot is one of the two root slots, or None.
type Slot uint8

// The slots.
const (
	None Slot = iota
	A
	B
)

// String gives "a", "b" or "none".
func (s Slot) String() string {
	switch s {
	case A:
		return "a"
	case B:
		return "b"
	}
	return "none"
}

// Named gives the slot of a name, such as "a"; None of another one.
func Named(name string) Slot {
	for _, s := range []Slot{A, B} {
		if name == s.String() {
			return s
		}
	}
	return None
}

// Other gives the other slot; None of None.
func (s Slot) Other() Slot {
	switch s {
	case A:
		return B
	case B:
		return A
	}
	return None
}

// State is what a slot is.
type State uint8

// The states.
const (
	Empty     State = iota
	Writing         // another system is being written into it
	Installed       // … was, and has not been booted
	Trying          // boots count its tries down until one is marked good
	Good            // a boot of it was marked good
	Bad             // it failed, or its tries are used up
)

var stateNames = [...]string{"empty", "writing", "installed", "trying", "good", "bad"}

// String gives the state in a word.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Limits of a record's texts, in bytes.
const (
	MaxVersion = 63
	MaxReason  = 127
)

// Side is what a record says of one slot.
type Side struct {
	State    State
	Left     uint8    // tries, of one that is Trying
	Done     uint8    // tries that were made since it was installed
	Security uint32   // the security version of its system
	Root     [32]byte // the root hash of its verity tree
	Boot     [32]byte // of its kernel, initramfs and boot entry: see loader.Digest; zeros: not known
	Version  string   // of its system, at most MaxVersion bytes
	Why      string   // why it is Bad, at most MaxReason bytes
}

// Record is what is kept of both slots. The zero value knows of none.
type Record struct {
	Seq      uint64
	Default  Slot     // the one that is booted when none is tried
	Armed    Slot     // the one that the loader was asked to boot once, since it had booted the other one
	Asked    uint8    // … so many times in a row
	Failures uint8    // failures in a row, of whatever slot, until a boot is good
	Boot     [16]byte // the id of the boot that has written it
	Reason   string   // of the latest fall-back, at most MaxReason bytes
	Sides    [2]Side  // of A and B
}

// Side gives what the record says of a slot, which must not be None.
func (r *Record) Side(s Slot) *Side { return &r.Sides[s-A] }

// The bytes of a record, little-endian: magic (8), version (4), default (1), armed (1),
// asked (1), failures (1), seq (8), boot (16), reason (1 + 127), and for each slot state,
// left, done, nothing (1 each), security (4), root (32), boot (32), version (1 + 63), why
// (1 + 127); zeros; CRC-32C of all before it (4).
const (
	magic   = "CLRSLOTS"
	version = 1
	// Size is that of a copy, in bytes.
	Size = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrNoRecord is that bytes are no whole record.
var ErrNoRecord = errors.New("no record of slots")

// Encode gives the Size bytes of a record. Texts that are too long are cut.
func (r *Record) Encode() []byte {
	b := make([]byte, 0, Size)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = append(b, byte(r.Default), byte(r.Armed), r.Asked, r.Failures)
	b = binary.LittleEndian.AppendUint64(b, r.Seq)
	b = append(b, r.Boot[:]...)
	b = appendText(b, r.Reason, MaxReason)
	for _, s := range r.Sides {
		b = append(b, byte(s.State), s.Left, s.Done, 0)
		b = binary.LittleEndian.AppendUint32(b, s.Security)
		b = append(b, s.Root[:]...)
		b = append(b, s.Boot[:]...)
		b = appendText(b, s.Version, MaxVersion)
		b = appendText(b, s.Why, MaxReason)
	}
	b = b[:Size-4]
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// appendText adds the length of a text and, in room bytes, the text.
func appendText(b []byte, text string, room int) []byte {
	text = cut(text, room)
	b = append(b, byte(len(text)))
	b = append(b, text...)
	return append(b, make([]byte, room-len(text))...)
}

// cut shortens a text to most bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Decode reads a copy. The error wraps ErrNoRecord, and says what is wrong with the bytes.
func Decode(b []byte) (*Record, error) {
	switch {
	case len(b) != Size || string(b[:len(magic)]) != magic:
		return nil, fmt.Errorf("%w: it does not begin as one", ErrNoRecord)
	case crc32.Checksum(b[:Size-4], castagnoli) != binary.LittleEndian.Uint32(b[Size-4:]):
		return nil, fmt.Errorf("%w: its checksum does not hold", ErrNoRecord)
	}
	in := reader{b[len(magic):]}
	if v := binary.LittleEndian.Uint32(in.take(4)); v != version {
		return nil, fmt.Errorf("%w: it has version %d, not %d", ErrNoRecord, v, version)
	}
	head := in.take(4)
	r := &Record{Default: Slot(head[0]), Armed: Slot(head[1]), Asked: head[2], Failures: head[3]}
	r.Seq = binary.LittleEndian.Uint64(in.take(8))
	copy(r.Boot[:], in.take(16))
	r.Reason = in.text(MaxReason)
	for i := range r.Sides {
		s := &r.Sides[i]
		head := in.take(4)
		s.State, s.Left, s.Done = State(head[0]), head[1], head[2]
		s.Security = binary.LittleEndian.Uint32(in.take(4))
		copy(s.Root[:], in.take(32))
		copy(s.Boot[:], in.take(32))
		s.Version, s.Why = in.text(MaxVersion), in.text(MaxReason)
	}
	if again := r.Encode(); !bytes.Equal(again, b) || r.Default > B || r.Armed > B || r.Sides[0].State > Bad || r.Sides[1].State > Bad {
		return nil, fmt.Errorf("%w: it says what cannot be", ErrNoRecord)
	}
	return r, nil
}

// reader takes bytes from the front of a copy, which has enough of them.
type reader struct{ left []byte }

func (r *reader) take(n int) []byte {
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

func (r *reader) text(room int) string {
	n := int(r.take(1)[0])
	return string(r.take(room)[:min(n, room)])
}
