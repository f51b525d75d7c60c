package chunks

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Packer writes a pack: each chunk once, as a zstd frame of its own. The same data give the
// same bytes.
type Packer struct {
	to    io.Writer
	zstd  *zstd.Encoder
	table Table
	known map[Hash]uint32
}

// NewPacker writes a pack to a writer.
func NewPacker(to io.Writer) (*Packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(SizeMost))
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return &Packer{to: to, zstd: enc, known: map[Hash]uint32{}}, nil
}

// Add packs a part, and gives its size in bytes, its hash and how many places it has in the
// table's sequence.
func (p *Packer) Add(part io.Reader) (size int64, sum Hash, places int, err error) {
	whole := sha256.New()
	var packed []byte
	err = Split(part, func(chunk []byte) error {
		whole.Write(chunk)
		size += int64(len(chunk))
		plain := sha256.Sum256(chunk)
		n, has := p.known[plain]
		if !has {
			packed = p.zstd.EncodeAll(chunk, packed[:0])
			if _, err := p.to.Write(packed); err != nil {
				return fmt.Errorf("write a pack: %w", err)
			}
			n = uint32(len(p.table.Entries))
			p.known[plain] = n
			p.table.Entries = append(p.table.Entries, Entry{Plain: plain, Packed: sha256.Sum256(packed), Size: uint32(len(chunk)), Length: uint32(len(packed))})
		}
		p.table.Sequence = append(p.table.Sequence, n)
		places++
		return nil
	})
	if err == nil && (len(p.table.Entries) > EntriesMost || len(p.table.Sequence) > SequenceMost) {
		err = fmt.Errorf("%d chunks in %d places are more than a table takes", len(p.table.Entries), len(p.table.Sequence))
	}
	return size, Hash(whole.Sum(nil)), places, err
}

// Frame packs a chunk for somebody who keeps it elsewhere; the pack and its table stay as they
// are.
func (p *Packer) Frame(chunk []byte) []byte { return p.zstd.EncodeAll(chunk, nil) }

// Table is that of all parts that were added, in their order.
func (p *Packer) Table() *Table { return &p.table }

// ErrCorrupt is that a chunk is not what its table says.
var ErrCorrupt = errors.New("it is not what the table of chunks says")

// Unpacker takes chunks out of packs. It is for one goroutine.
type Unpacker struct {
	zstd  *zstd.Decoder
	plain []byte
}

// NewUnpacker makes one, which has to be closed.
func NewUnpacker() (*Unpacker, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(SizeMost), zstd.WithDecoderMaxWindow(SizeMost))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return &Unpacker{zstd: dec, plain: make([]byte, 0, SizeMost)}, nil
}

// Chunk gives the bytes of a chunk that is packed, until the next call. The error wraps
// ErrCorrupt.
func (u *Unpacker) Chunk(e Entry, packed []byte) ([]byte, error) {
	if len(packed) != int(e.Length) || sha256.Sum256(packed) != e.Packed {
		return nil, fmt.Errorf("a chunk in the pack: %w", ErrCorrupt)
	}
	plain, err := u.zstd.DecodeAll(packed, u.plain[:0])
	if err != nil || len(plain) != int(e.Size) || sha256.Sum256(plain) != e.Plain {
		return nil, fmt.Errorf("a chunk that was unpacked: %w", errors.Join(ErrCorrupt, err))
	}
	return plain, nil
}

// Close frees what it has.
func (u *Unpacker) Close() { u.zstd.Close() }
