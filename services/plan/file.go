package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
)

// The file starts with a header of 28 bytes, little-endian: magic (8), schema
// (4), CRC-32C of the body (4), length of the body (8), sum of the layout (4).
// codec.go has the body and the layout.
const (
	magic      = "CLARITY\x02"
	headerSize = 28
	// MaxSize bounds a plan file, in bytes: what PID 1 is ready to read.
	MaxSize = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is wrapped by Decode's errors when the bytes are not those that
// Encode wrote.
var ErrDamaged = errors.New("plan is damaged")

// ErrForeign is wrapped by Decode's errors when a sound plan was made for
// another image or by another version of the compiler.
var ErrForeign = errors.New("plan belongs to something else")

// Encode gives the bytes of a plan file. Equal plans give equal bytes.
func Encode(p *Plan) ([]byte, error) {
	body := appendValue(nil, reflect.ValueOf(*p))
	if headerSize+len(body) > MaxSize {
		return nil, fmt.Errorf("encode plan: %d bytes are more than %d", len(body), MaxSize)
	}
	out := make([]byte, headerSize, headerSize+len(body))
	copy(out, magic)
	binary.LittleEndian.PutUint32(out[8:], Schema)
	binary.LittleEndian.PutUint32(out[12:], crc32.Checksum(body, castagnoli))
	binary.LittleEndian.PutUint64(out[16:], uint64(len(body)))
	binary.LittleEndian.PutUint32(out[24:], layout(reflect.TypeFor[Plan]()))
	return append(out, body...), nil
}

// Decode reads what Encode wrote. image is the id of the running root: a plan
// that is bound to another one is refused; "" on either side matches anything.
func Decode(file []byte, image string) (*Plan, error) {
	if len(file) < headerSize || string(file[:8]) != magic {
		return nil, fmt.Errorf("%w: no plan header", ErrDamaged)
	}
	schema := binary.LittleEndian.Uint32(file[8:])
	sum := binary.LittleEndian.Uint32(file[12:])
	size := binary.LittleEndian.Uint64(file[16:])
	fields := binary.LittleEndian.Uint32(file[24:])
	body := file[headerSize:]
	if size != uint64(len(body)) {
		return nil, fmt.Errorf("%w: %d bytes where the header says %d", ErrDamaged, len(body), size)
	}
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return nil, fmt.Errorf("%w: checksum %08x where the header says %08x", ErrDamaged, got, sum)
	}
	if schema != Schema {
		return nil, fmt.Errorf("%w: schema %d, this init reads %d", ErrForeign, schema, Schema)
	}
	if fields != layout(reflect.TypeFor[Plan]()) {
		return nil, fmt.Errorf("%w: its units have other fields than this init knows", ErrForeign)
	}
	p := new(Plan)
	if err := unmarshal(body, reflect.ValueOf(p).Elem()); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if p.Image != "" && image != "" && p.Image != image {
		return nil, fmt.Errorf("%w: made for image %s, this is %s", ErrForeign, p.Image, image)
	}
	return p, nil
}
