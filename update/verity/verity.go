// Package verity makes the hash trees that the kernel's dm-verity checks read-only file
// systems by: version 1, SHA-256, blocks of 4096 bytes, as veritysetup(8) has them by
// default (Documentation/admin-guide/device-mapper/verity.rst).
package verity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// Block is the size of a block of data, and of hashes, in bytes.
	Block = 4096
	// perBlock is how many hashes a block holds.
	perBlock = Block / sha256.Size
	// MaxSalt bounds a salt, in bytes.
	MaxSalt = 256
)

// Hash is a SHA-256 sum.
type Hash = [sha256.Size]byte

// Tree is the hash device of some data: a superblock and the levels of hashes, the root's
// first.
type Tree struct {
	Blocks uint64 // of data
	Salt   []byte
	UUID   [16]byte
	Root   Hash
	// Signature is of the root; empty: there is none.
	Signature []byte

	levels [][]byte // the lowest first, each a multiple of Block bytes
}

// Make reads data, at least one whole block and no part of one, and gives its tree.
func Make(data io.Reader, salt []byte, uuid [16]byte) (*Tree, error) {
	if len(salt) > MaxSalt {
		return nil, fmt.Errorf("a salt of %d bytes, more than %d", len(salt), MaxSalt)
	}
	t := &Tree{Salt: salt, UUID: uuid}
	var hashes []byte
	block := make([]byte, Block)
	for {
		n, err := io.ReadFull(data, block)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("block %d, of which there are %d bytes: %w", t.Blocks, n, err)
		}
		t.Blocks++
		hashes = t.sum(hashes, block)
	}
	if t.Blocks == 0 {
		return nil, errors.New("there is no data to make a hash tree of")
	}
	for len(hashes) > sha256.Size {
		hashes = append(hashes, make([]byte, (Block-len(hashes)%Block)%Block)...)
		t.levels = append(t.levels, hashes)
		var above []byte
		for b := range bytesOf(hashes) {
			above = t.sum(above, b)
		}
		hashes = above
	}
	t.Root = Hash(hashes)
	return t, nil
}

// bytesOf gives the blocks of a level.
func bytesOf(level []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(level) > 0 && yield(level[:Block]) {
			level = level[Block:]
		}
	}
}

// sum adds the hash of a block.
func (t *Tree) sum(to, block []byte) []byte {
	h := sha256.New()
	h.Write(t.Salt)
	h.Write(block)
	return h.Sum(to)
}

// Size is that of the hash device, in bytes.
func (t *Tree) Size() int64 { return Size(t.Blocks) }

// Size is that of the hash device of so many blocks of data, in bytes.
func Size(blocks uint64) int64 {
	size := int64(Block) // the superblock's
	for blocks > 1 {
		blocks = (blocks + perBlock - 1) / perBlock
		size += int64(blocks) * Block
	}
	return size
}

// WriteTo writes the hash device.
func (t *Tree) WriteTo(w io.Writer) (n int64, err error) {
	parts := [][]byte{t.superblock()}
	for i := range t.levels {
		parts = append(parts, t.levels[len(t.levels)-1-i])
	}
	for _, p := range parts {
		m, err := w.Write(p)
		if n += int64(m); err != nil {
			return n, fmt.Errorf("write hash tree: %w", err)
		}
	}
	return n, nil
}

// superblock is that of veritysetup, which the kernel does not read: signature (8), version
// (4), type (4), UUID (16), algorithm (32), sizes of a data and a hash block (4 each), data
// blocks (8), size of the salt (2), nothing (6), salt (256), nothing; little-endian.
func (t *Tree) superblock() []byte {
	b := make([]byte, Block)
	copy(b, "verity\x00\x00")
	binary.LittleEndian.PutUint32(b[8:], 1)
	binary.LittleEndian.PutUint32(b[12:], 1)
	copy(b[16:], t.UUID[:])
	copy(b[32:], "sha256")
	binary.LittleEndian.PutUint32(b[64:], Block)
	binary.LittleEndian.PutUint32(b[68:], Block)
	binary.LittleEndian.PutUint64(b[72:], t.Blocks)
	binary.LittleEndian.PutUint16(b[80:], uint16(len(t.Salt)))
	copy(b[88:], t.Salt)
	if len(t.Signature) > 0 {
		copy(b[signedAt:], signed)
		copy(b[signedAt+len(signed):], t.Signature)
	}
	return b
}

// Superblock reads what is in front of a hash device: all but the tree itself.
func Superblock(b []byte) (*Tree, error) {
	if len(b) < Block {
		return nil, fmt.Errorf("a superblock of %d bytes, not %d", len(b), Block)
	}
	t := &Tree{Blocks: binary.LittleEndian.Uint64(b[72:])}
	copy(t.UUID[:], b[16:])
	n := int(binary.LittleEndian.Uint16(b[80:]))
	if n > MaxSalt {
		return nil, fmt.Errorf("the superblock of a hash tree has a salt of %d bytes, more than %d", n, MaxSalt)
	}
	t.Salt = append([]byte{}, b[88:88+n]...)
	if bytes.HasPrefix(b[signedAt:], []byte(signed)) {
		t.Signature = append([]byte{}, b[signedAt+len(signed):][:ed25519.SignatureSize]...)
	}
	if again := t.superblock(); !bytes.Equal(again, b[:Block]) || t.Blocks == 0 {
		return nil, errors.New("it is not the superblock of a hash tree of version 1, by SHA-256, of blocks of 4096 bytes")
	}
	return t, nil
}
