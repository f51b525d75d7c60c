package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
)

// The body of a plan file is the plan's fields in their order, without names:
// integers as varints (Protocol Buffers' encoding, encoding/binary), strings and
// lists behind their length, a pointer behind whether there is one. PID 1
// decodes it before the first unit can start, in a tenth of the time that JSON
// takes. What the fields are is in the file's layout sum.

// layout sums up the types that a plan consists of, so that a file with other
// fields is never read as if they were these.
func layout(t reflect.Type) uint32 {
	sum := uint32(0)
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		sum = crc32.Update(sum, castagnoli, append([]byte(t.Kind().String()), 0))
		switch t.Kind() {
		case reflect.Struct:
			for i := range t.NumField() {
				sum = crc32.Update(sum, castagnoli, append([]byte(t.Field(i).Name), 0))
				walk(t.Field(i).Type)
			}
			sum = crc32.Update(sum, castagnoli, []byte{0})
		case reflect.Slice, reflect.Pointer:
			walk(t.Elem())
		}
	}
	walk(t)
	return sum
}

// appendValue encodes v. It panics at a kind of field that plans do not have.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.String:
		return append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...)
	case reflect.Slice:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
		return b
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
		return b
	}
	panic(fmt.Sprintf("a plan with a field of kind %s cannot be encoded", v.Kind()))
}

// errBody is the error of a body that no plan was encoded to.
var errBody = errors.New("its body makes no sense")

// decoder reads a body. All strings share its memory.
type decoder struct{ rest string }

// unmarshal decodes the body into v, whose zero value has to be settable.
func unmarshal(body []byte, v reflect.Value) error {
	d := decoder{string(body)}
	if err := d.value(v); err != nil {
		return err
	}
	if len(d.rest) > 0 {
		return errBody
	}
	return nil
}

func (d *decoder) value(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		n, err := d.below(2)
		v.SetBool(n == 1)
		return err
	case reflect.Int, reflect.Int64:
		n, err := d.number()
		x := int64(n >> 1) // zigzag
		if n&1 != 0 {
			x = ^x
		}
		v.SetInt(x)
		return err
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		n, err := d.number()
		if v.OverflowUint(n) {
			return errBody
		}
		v.SetUint(n)
		return err
	case reflect.String:
		n, err := d.below(len(d.rest) + 1)
		if err != nil || n > len(d.rest) {
			return errBody
		}
		v.SetString(d.rest[:n])
		d.rest = d.rest[n:]
		return nil
	case reflect.Slice:
		n, err := d.below(len(d.rest) + 1) // an element takes a byte at least
		if err != nil || n == 0 {
			return err
		}
		for i := range n {
			v.Grow(1) // not n at once, which is only what the bytes say
			v.SetLen(i + 1)
			if err := d.value(v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Pointer:
		n, err := d.below(2)
		if err != nil || n == 0 {
			return err
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if err := d.value(v.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("a plan with a field of kind %s cannot be decoded", v.Kind())
}

// number reads an unsigned varint.
func (d *decoder) number() (uint64, error) {
	var n uint64
	for shift := 0; shift < 64 && len(d.rest) > 0; shift += 7 {
		c := d.rest[0]
		d.rest = d.rest[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n, nil
		}
	}
	return 0, errBody
}

// below reads a number that has to be less than limit.
func (d *decoder) below(limit int) (int, error) {
	n, err := d.number()
	if err != nil || n >= uint64(limit) {
		return 0, errBody
	}
	return int(n), nil
}
