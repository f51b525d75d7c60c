package plan

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func FuzzDecode(f *testing.F) {
	file, err := Encode(&Plan{Schema: Schema})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Decode(b, ""); err == nil && p.Schema < 0 {
			t.Log(p)
		}
	})
}
