package profiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"
)

// A file begins with 20 bytes, little-endian: magic (8), version (4), CRC-32C of
// the body (4), length of the body (4). The body is what append writes: numbers as
// uvarints, strings behind their length, floats by their IEEE bits. Equal books
// give equal bytes, and of the bytes only those are read that a book gives.
const (
	magic      = "CLARPROF"
	version    = 1
	headerSize = 20
	// MaxSize bounds a file, in bytes: more than the most that 512 units can have.
	MaxSize = 2 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is wrapped by Decode's errors when the bytes are not those that Encode
// wrote, ErrForeign when another version did.
var (
	ErrDamaged = errors.New("the profiles are damaged")
	ErrForeign = errors.New("the profiles are another version's")
)

// Encode gives a book's bytes. Where it has grown too large, it makes it smaller.
func (b *Book) Encode() []byte {
	b.trim()
	out := append(make([]byte, headerSize, 4<<10), b.body()...)
	body := out[headerSize:]
	copy(out, magic)
	binary.LittleEndian.PutUint32(out[8:], version)
	binary.LittleEndian.PutUint32(out[12:], crc32.Checksum(body, castagnoli))
	binary.LittleEndian.PutUint32(out[16:], uint32(len(body)))
	return out
}

func (b *Book) body() []byte {
	out := binary.AppendUvarint(nil, uint64(len(b.profiles)))
	for _, unit := range b.Units() {
		out = b.profiles[unit].append(out)
	}
	return out
}

func text(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

func (p *Profile) append(out []byte) []byte {
	out = append(text(out, p.Unit), p.Identity[:]...)
	for _, n := range []uint64{uint64(p.Runs), uint64(p.Before), uint64(p.Restarts), p.used} {
		out = binary.AppendUvarint(out, n)
	}
	out = binary.AppendUvarint(text(out, p.boot), uint64(p.begun))
	out = binary.AppendUvarint(out, uint64(len(p.series)))
	for i := range p.series {
		s := &p.series[i]
		out = text(text(out, string(s.Phase)), string(s.Measure))
		out = binary.AppendUvarint(out, uint64(s.Count))
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(s.Last))
		out = binary.AppendUvarint(out, uint64(len(s.Values.buckets)))
		for _, b := range s.Values.buckets {
			out = binary.AppendUvarint(out, uint64(b.index))
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(b.weight))
		}
	}
	return out
}

// Decode reads what Encode gave.
func Decode(file []byte) (*Book, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("%w: more than the %d bytes that they may have", ErrDamaged, MaxSize)
	}
	if len(file) < headerSize || string(file[:8]) != magic {
		return nil, fmt.Errorf("%w: they do not begin as profiles do", ErrDamaged)
	}
	body := file[headerSize:]
	if v := binary.LittleEndian.Uint32(file[8:]); v != version {
		return nil, fmt.Errorf("%w: %d, this one reads %d", ErrForeign, v, version)
	}
	if n := binary.LittleEndian.Uint32(file[16:]); uint64(n) != uint64(len(body)) {
		return nil, fmt.Errorf("%w: %d bytes where the header says %d", ErrDamaged, len(body), n)
	}
	if want, got := binary.LittleEndian.Uint32(file[12:]), crc32.Checksum(body, castagnoli); want != got {
		return nil, fmt.Errorf("%w: checksum %08x where the header says %08x", ErrDamaged, got, want)
	}
	d := decoder{rest: body}
	b := d.book()
	if d.bad || len(d.rest) > 0 || b.buckets() > maxBuckets || !bytes.Equal(b.body(), body) {
		return nil, fmt.Errorf("%w: the checksum is right, but the content makes no sense", ErrDamaged)
	}
	return b, nil
}

// decoder reads a body. Once it is bad it gives zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.rest) {
		d.bad = true
		return make([]byte, n)
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

// number reads a number of at most most.
func (d *decoder) number(most uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	if d.bad || n <= 0 || v > most {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) text(most uint64) string { return string(d.take(int(d.number(most)))) }

func (d *decoder) book() *Book {
	b := New()
	for n := d.number(maxUnits); n > 0 && !d.bad; n-- {
		p := d.profile()
		b.profiles[p.Unit] = p
		b.used = max(b.used, p.used)
	}
	return b
}

func (d *decoder) profile() *Profile {
	p := &Profile{Unit: d.text(maxName), Identity: Identity(d.take(len(Identity{})))}
	d.bad = d.bad || !nameOK(p.Unit)
	p.Runs, p.Before = uint32(d.number(math.MaxUint32)), uint32(d.number(math.MaxUint32))
	p.Restarts, p.used = uint32(d.number(math.MaxUint32)), d.number(math.MaxInt64)
	p.boot, p.begun = d.text(maxName), time.Duration(d.number(math.MaxInt64))
	for n := d.number(uint64(len(phases) * len(figures))); n > 0 && !d.bad; n-- {
		s := d.series()
		i, twice := p.place(s.Phase, s.Measure)
		d.bad = d.bad || twice
		p.series = slices.Insert(p.series, i, s)
	}
	return p
}

func (d *decoder) series() (s Series) {
	s.Phase, s.Measure = Phase(d.text(maxName)), Measure(d.text(maxName))
	f := figureOf(s.Measure)
	d.bad = d.bad || f < 0 || !figures[f].In(s.Phase)
	s.Count = uint32(d.number(math.MaxUint32))
	s.Last = math.Float64frombits(binary.LittleEndian.Uint64(d.take(8)))
	if _, ok := indexOf(s.Last); !ok {
		d.bad = true
	}
	last := -1
	for n := d.number(MaxBuckets); n > 0 && !d.bad; n-- {
		b := bucket{uint16(d.number(lastIndex)), math.Float32frombits(binary.LittleEndian.Uint32(d.take(4)))}
		d.bad = d.bad || int(b.index) <= last || !(b.weight >= forgotten && b.weight <= maxWeight)
		last = int(b.index)
		s.Values.buckets = append(s.Values.buckets, b)
	}
	d.bad = d.bad || len(s.Values.buckets) == 0
	return s
}
