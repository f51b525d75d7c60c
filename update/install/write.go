package install

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"clarityos/update/chunks"
	"clarityos/update/manifest"
	"clarityos/update/source"
)

// Release is one that is trusted: its manifest and table have the hashes that were signed.
type Release struct {
	*manifest.Manifest
	Table *chunks.Table
	parts [][]uint32
}

// NewRelease puts a manifest and the bytes of its table together. The error says what does not
// fit.
func NewRelease(m *manifest.Manifest, table []byte) (*Release, error) {
	if int64(len(table)) != m.Table.Size || sha256.Sum256(table) != m.Table.Hash {
		return nil, fmt.Errorf("the table of chunks of %s %s is not the one that its manifest names", m.Name, m.Version)
	}
	t, err := chunks.Decode(table)
	if err != nil {
		return nil, fmt.Errorf("the table of chunks of %s %s: %w", m.Name, m.Version, err)
	}
	r := &Release{Manifest: m, Table: t}
	from := 0
	for i, p := range m.Parts() {
		part, err := t.Part(from, p.Places, p.Size)
		if err != nil {
			return nil, fmt.Errorf("part %d of %s %s: %w", i, m.Name, m.Version, err)
		}
		r.parts = append(r.parts, part)
		from += p.Places
	}
	if from != len(t.Sequence) {
		return nil, fmt.Errorf("the table of chunks of %s %s has %d places, and the parts %d", m.Name, m.Version, len(t.Sequence), from)
	}
	if t.PackSize() != m.Packed.Size {
		return nil, fmt.Errorf("the chunks of %s %s have %d bytes, and the pack %d", m.Name, m.Version, t.PackSize(), m.Packed.Size)
	}
	if !ascends(plan(t, r.parts, newIndex())) {
		return nil, fmt.Errorf("the chunks of %s %s are not in the order in which they are needed", m.Name, m.Version)
	}
	return r, nil
}

// File is where a part is written, or what is copied from.
type File interface {
	io.ReaderAt
	io.WriterAt
}

// Base is something on this machine that a release may have much in common with.
type Base struct {
	io.ReaderAt
	Size int64 // bytes of it that are looked at
}

// Progress says how far a release is written.
type Progress struct {
	Done, Size int64 // bytes of the release, as it lies on the disk
	Fetched    int64 // bytes
	Fetch
}

// Write writes the parts of a release, each to its file unless that is nil, and takes from them and from bases
// what they have already. What it fetches comes from the source, nothing twice. It is not on
// the disk before it is synced. Told is called often.
func Write(ctx context.Context, r *Release, to []File, bases []Base, from source.Source, told func(Progress)) error {
	w, err := newWriter(ctx, r, to, bases, from, told)
	if err != nil {
		return err
	}
	defer w.unpack.Close()
	var ranges []source.Range
	for _, p := range w.pieces {
		if p.origin == fetch {
			ranges = append(ranges, w.rangeOf(p.entry))
		}
	}
	if err := w.local(); err != nil {
		return err
	}
	if len(ranges) > 0 {
		if err := from.ReadRanges(ctx, w.pack(), ranges, func(_ int, packed []byte) error { return w.fetched(packed) }); err != nil {
			return err
		}
	}
	if len(w.pieces) > 0 {
		return fmt.Errorf("%s gave %d chunks less than it was asked for", from, len(ranges))
	}
	return nil
}

// writer goes through a plan.
type writer struct {
	ctx    context.Context
	r      *Release
	to     []File
	bases  []io.ReaderAt
	from   source.Source
	told   func(Progress)
	unpack *chunks.Unpacker
	pieces []piece // that are left
	Progress
	buffer []byte
}

func newWriter(ctx context.Context, r *Release, to []File, bases []Base, from source.Source, told func(Progress)) (*writer, error) {
	if len(to) != len(r.parts) {
		return nil, fmt.Errorf("%d parts, and %d files for them", len(r.parts), len(to))
	}
	w := &writer{ctx: ctx, r: r, to: to, from: from, told: told, buffer: make([]byte, chunks.SizeMost)}
	for _, f := range to {
		w.bases = append(w.bases, f)
	}
	x := newIndex()
	for i, b := range bases {
		w.bases = append(w.bases, b)
		if err := look(ctx, x, len(to)+i, b, false); err != nil {
			return nil, err
		}
	}
	parts := slices.Clone(r.parts)
	for i, p := range r.Parts() {
		if to[i] == nil {
			parts[i] = nil
			continue
		}
		if err := look(ctx, x, i, Base{to[i], p.Size}, true); err != nil {
			return nil, err
		}
		w.Size += p.Size
	}
	w.pieces = plan(r.Table, parts, x)
	w.Fetch = cost(r.Table, w.pieces)
	var err error
	w.unpack, err = chunks.NewUnpacker()
	return w, err
}

// look tells the index of a base's chunks. What cannot be read of it is as if it were not
// there: a disk may fail where nothing is needed.
func look(ctx context.Context, x *index, base int, b Base, written bool) error {
	at := int64(0)
	_ = chunks.Split(io.NewSectionReader(b, 0, b.Size), func(c []byte) error {
		x.add(sha256.Sum256(c), place{base, at}, written)
		at += int64(len(c))
		return ctx.Err()
	})
	return ctx.Err()
}

// local does what needs nothing fetched, up to the next piece that does.
func (w *writer) local() error {
	for len(w.pieces) > 0 && w.pieces[0].origin != fetch {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		p := w.pieces[0]
		if p.origin == copied {
			plain, err := w.copied(p)
			if err == nil {
				err = w.write(p, plain)
			}
			if err != nil {
				return err
			}
		}
		w.next(p)
	}
	return nil
}

// fetched takes the packed bytes of the next piece, and does what comes after it.
func (w *writer) fetched(packed []byte) error {
	p := w.pieces[0]
	plain, err := w.unpack.Chunk(w.r.Table.Entries[p.entry], packed)
	if err != nil {
		return fmt.Errorf("chunk %d of %s from %s: %w", p.entry, w.pack(), w.from, err)
	}
	if err := w.write(p, plain); err != nil {
		return err
	}
	w.Fetched += int64(len(packed))
	w.next(p)
	return w.local()
}

func (w *writer) next(p piece) {
	w.pieces = w.pieces[1:]
	w.Done += int64(w.r.Table.Entries[p.entry].Size)
	w.told(w.Progress)
}

// copied gives a chunk from where it was seen or, when that is not so any more, fetches it.
func (w *writer) copied(p piece) ([]byte, error) {
	e := w.r.Table.Entries[p.entry]
	b := w.buffer[:e.Size]
	if _, err := w.bases[p.from.base].ReadAt(b, p.from.at); (err == nil || errors.Is(err, io.EOF)) && sha256.Sum256(b) == e.Plain {
		return b, nil
	}
	var plain []byte
	err := w.from.ReadRanges(w.ctx, w.pack(), []source.Range{w.rangeOf(p.entry)}, func(_ int, packed []byte) (err error) {
		w.Fetched += int64(len(packed))
		plain, err = w.unpack.Chunk(e, packed)
		return err
	})
	return plain, err
}

func (w *writer) write(p piece, plain []byte) error {
	if _, err := w.to[p.part].WriteAt(plain, p.at); err != nil {
		return fmt.Errorf("write part %d of %s %s at byte %d: %w", p.part, w.r.Name, w.r.Version, p.at, err)
	}
	return nil
}

func (w *writer) rangeOf(entry uint32) source.Range {
	return source.Range{At: w.r.Table.Offset(entry), Length: int64(w.r.Table.Entries[entry].Length)}
}

func (w *writer) pack() string { return w.r.Packed.Name(manifest.PackSuffix) }
