package plan

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	want := &Plan{Schema: Schema, Image: "abc", Default: "default.target", Units: []Unit{{Name: "a.service", Service: &Service{Type: Notify, TimeoutStop: Infinity}}}}
	file, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(file, "abc")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := Decode(file, "other"); !errors.Is(err, ErrForeign) {
		t.Errorf("a plan of another image: %v", err)
	}
}

// Whatever the compiler may put into a plan, PID 1 gets.
func TestRoundTripOfAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Make[Plan]().Draw(t, "plan")
		file, err := Encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(file, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

// A body whose checksum is right need not be one of ours.
func FuzzBody(f *testing.F) {
	f.Add(appendValue(nil, reflect.ValueOf(Plan{Schema: Schema, Units: []Unit{{Name: "a.service", Service: &Service{}}}})))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		var p, again Plan
		if unmarshal(body, reflect.ValueOf(&p).Elem()) != nil {
			return
		}
		if err := unmarshal(appendValue(nil, reflect.ValueOf(p)), reflect.ValueOf(&again).Elem()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, again, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	})
}

// Two types have the same layout only if all their fields are the same.
func TestLayout(t *testing.T) {
	type old struct {
		Name string
		List []struct{ A, B int }
	}
	base := layout(reflect.TypeFor[old]())
	for _, other := range []reflect.Type{
		reflect.TypeFor[struct {
			Name string
			List []struct{ B, A int }
		}](),
		reflect.TypeFor[struct {
			Name string
			List []struct{ A int }
			B    int
		}](),
		reflect.TypeFor[struct {
			Name string
			List *struct{ A, B int }
		}](),
		reflect.TypeFor[struct {
			Name string
			List []struct {
				A int
				B int64
			}
		}](),
	} {
		if layout(other) == base {
			t.Errorf("%v has the layout of %v", other, reflect.TypeFor[old]())
		}
	}
}

// One changed byte or a lost tail is always noticed.
func TestDamage(t *testing.T) {
	file, err := Encode(&Plan{Schema: Schema, Default: "default.target"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := append([]byte(nil), file...)
		if rapid.Bool().Draw(t, "cut") {
			bad = bad[:rapid.IntRange(0, len(bad)-1).Draw(t, "length")]
		} else {
			bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		}
		if p, err := Decode(bad, ""); err == nil {
			t.Fatalf("accepted as %+v", p)
		}
	})
}

// No bit of a plan can change without notice, in the header or behind it.
func TestEveryFlippedBit(t *testing.T) {
	file, err := Encode(&Plan{Schema: Schema, Image: "abc", Default: "default.target", Units: []Unit{{Name: "a.service", Service: &Service{Type: Notify}}}})
	if err != nil {
		t.Fatal(err)
	}
	for at := range file {
		for bit := range 8 {
			file[at] ^= 1 << bit
			if p, err := Decode(file, ""); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
				t.Errorf("byte %d, bit %d: %+v, %v", at, bit, p, err)
			}
			file[at] ^= 1 << bit
		}
	}
	if _, err := Decode(file, "abc"); err != nil {
		t.Error(err)
	}
}

// Of a body that nobody damaged, but a broken compiler wrote, no more can be
// said than that it does not panic and that what was read can be written.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerSize {
			binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[headerSize:], castagnoli))
			binary.LittleEndian.PutUint64(b[16:], uint64(len(b)-headerSize))
			binary.LittleEndian.PutUint32(b[24:], layout(reflect.TypeFor[Plan]()))
		}
		p, err := Decode(b, "")
		if err != nil {
			return
		}
		file, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(file, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, again, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	})
}
