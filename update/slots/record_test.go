package slots

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func genRecord(t *rapid.T) *Record {
	text := func(most int) string {
		return cut(strings.ToValidUTF8(rapid.StringN(0, 2*most, -1).Draw(t, "text"), ""), most)
	}
	slot := func() Slot { return Slot(rapid.IntRange(0, 2).Draw(t, "slot")) }
	r := &Record{Seq: rapid.Uint64().Draw(t, "seq"), Default: slot(), Armed: slot(), Asked: rapid.Uint8().Draw(t, "asked"), Failures: rapid.Uint8().Draw(t, "failures"), Reason: text(MaxReason)}
	copy(r.Boot[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "boot"))
	for i := range r.Sides {
		r.Sides[i] = Side{State: State(rapid.IntRange(0, int(Bad)).Draw(t, "state")), Left: rapid.Uint8().Draw(t, "left"), Done: rapid.Uint8().Draw(t, "done"),
			Security: rapid.Uint32().Draw(t, "security"), Version: text(MaxVersion), Why: text(MaxReason)}
		copy(r.Sides[i].Root[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root"))
		copy(r.Sides[i].Boot[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "entry"))
	}
	return r
}

// What was encoded is decoded, and nothing that differs from it in a bit is.
func TestRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRecord(t)
		b := r.Encode()
		got, err := Decode(b)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v, %v, not %+v", got, err, r)
		}
		b[rapid.IntRange(0, Size-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, err := Decode(b); !errors.Is(err, ErrNoRecord) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	for _, bad := range [][]byte{nil, []byte(magic), make([]byte, Size), make([]byte, Size+1)} {
		if got, err := Decode(bad); !errors.Is(err, ErrNoRecord) {
			t.Errorf("%d bytes: %+v, %v", len(bad), got, err)
		}
	}
	long := &Record{Reason: strings.Repeat("ä", MaxReason)}
	if got, err := Decode(long.Encode()); err != nil || got.Reason != strings.Repeat("ä", MaxReason/2) {
		t.Errorf("%+v, %v", got, err)
	}
}

// A write takes the older copy, and only if nobody has written meanwhile.
func TestWrite(t *testing.T) {
	var d disk
	if r, err := Read(&d); r != nil || !errors.Is(err, ErrNoRecord) {
		t.Fatalf("%+v, %v", r, err)
	}
	for seq := range uint64(5) {
		if err := Write(&d, &Record{Failures: uint8(seq)}, seq); err != nil {
			t.Fatal(err)
		}
		if err := Write(&d, &Record{}, seq); !errors.Is(err, ErrChanged) {
			t.Fatalf("a second write after %d: %v", seq, err)
		}
		torn := d
		torn.copies[seq%2][100] ^= 1
		if r, err := Read(&torn); seq > 0 && (r == nil || r.Seq != seq || !errors.Is(err, ErrNoRecord)) {
			t.Fatalf("without the latest: %+v, %v", r, err)
		}
	}
	r, err := Read(&d)
	if err != nil || r.Seq != 5 || r.Failures != 4 {
		t.Errorf("%+v, %v", r, err)
	}
}

// What a person or an installer may do to slots.
func TestMarks(t *testing.T) {
	good := &Record{Default: A, Sides: [2]Side{{State: Good, Version: "1"}, {State: Good, Version: "0"}}}
	for name, do := range map[string]func() (*Record, error){
		"write the slot that runs":      func() (*Record, error) { return good.BeginWrite(A, A) },
		"write while a bad slot runs":   func() (*Record, error) { return good.Failed(A, "x").BeginWrite(B, A) },
		"give up the only good one":     func() (*Record, error) { return good.Failed(A, "x").MarkBad(B, "y") },
		"try an empty one":              func() (*Record, error) { return (&Record{}).Try(B, 3) },
		"try one that is being written": func() (*Record, error) { return (&Record{Sides: [2]Side{{}, {State: Writing}}}).Try(B, 3) },
		"try it no times":               func() (*Record, error) { return good.Try(B, 0) },
	} {
		if r, err := do(); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r, err := good.BeginWrite(B, A)
	if err != nil || r.Side(B).State != Writing || r.Side(B).Version != "" || good.Side(B).State != Good {
		t.Fatalf("%+v, %v", r, err)
	}
	r = r.Wrote(B, Side{Version: "2", Left: 9, Why: "old"})
	if c := Choose(r, Boot{Loaded: A}); c.Do != Mount || c.Slot != A {
		t.Errorf("what is installed is booted unasked: %+v", c)
	}
	if r, err = r.Try(B, 2); err != nil || *r.Side(B) != (Side{State: Trying, Left: 2, Version: "2"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	c := Choose(r, Boot{Loaded: A})
	if c.Do != Switch || c.Slot != B || c.Next.Armed != B {
		t.Fatalf("%+v", c)
	}
	if c = Choose(c.Next, Boot{Loaded: B}); c.Do != Mount || c.Slot != B || c.Next.Side(B).Left != 1 || c.Reason != "slot b is tried, 1 more times after this one" {
		t.Fatalf("%+v", c)
	}
	if r = c.Next.MarkGood(B); r.Default != B || r.Side(B).State != Good || r.Side(A).State != Good || !r.MarkGood(B).like(r) {
		t.Errorf("%+v", r)
	}
	for _, b := range []Boot{{Loaded: A, Forced: B}, {Loaded: A, Forced: A}, {Forced: B}} {
		if c := Choose(r, b); c.Do != Mount || b.Loaded != None && c.Slot != b.Loaded || c.Worse != (b.Loaded == A && b.Forced == B) || c.Next != nil {
			t.Errorf("%+v: %+v", b, c)
		}
	}
}

// Whatever bytes a copy has, it is none or a record that is the same when it is written again,
// and that a boot can be chosen by.
func FuzzRecord(f *testing.F) {
	f.Add((&Record{}).Encode())
	f.Add((&Record{Seq: 7, Default: B, Armed: A, Asked: 2, Failures: 3, Reason: "slot a: x", Sides: [2]Side{{State: Trying, Left: 2, Version: "1.0.0"}, {State: Good, Security: 4, Why: "y"}}}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := make([]byte, Size)
		copy(whole, b)
		binary.LittleEndian.PutUint32(whole[Size-4:], crc32.Checksum(whole[:Size-4], castagnoli)) // or nothing gets past it
		r, err := Decode(whole)
		if err != nil {
			return
		}
		again, err := Decode(r.Encode())
		if err != nil || *again != *r {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
		for _, loaded := range []Slot{None, A, B} {
			if c := Choose(r, Boot{Loaded: loaded}); c.Do == Mount && (c.Slot != A && c.Slot != B || loaded != None && c.Slot != loaded) {
				t.Fatalf("%+v: %+v", r, c)
			}
		}
	})
}
