package bus

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A store that has grown is written anew, and holds what it held; one that has no
// room says so and is none the worse.
func TestStoreGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "states")
	store, _, _, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBroker(nil, store)
	cause := strings.Repeat("x", 1000)
	for i := range 3 * slack / len(cause) {
		if _, err := b.Publish(message(t, &UnitState{Unit: fmt.Sprint(i % 7), Cause: cause}), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if fi, err := os.Stat(path); err != nil || fi.Size() > slack+slack/2 {
		t.Errorf("%d bytes for seven states: %v", fi.Size(), err)
	}
	want := b.States()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := store.file
	store.file = full
	if _, err := b.Publish(message(t, &UnitState{Unit: "0"}), 0); err == nil {
		t.Error("a state was taken that could not be kept")
	}
	store.file = file
	if d := cmp.Diff(want, b.States()); d != "" {
		t.Errorf("what could not be kept is there: %s", d)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, states, bad, err := OpenStore(path)
	if err != nil || bad != 0 {
		t.Fatal(bad, err)
	}
	if d := cmp.Diff(want, states); d != "" {
		t.Error(d)
	}
}

// Whatever is in the file: it opens, what is whole before the damage is there,
// and it goes on.
func FuzzStore(f *testing.F) {
	whole := []byte{}
	for i := range 3 {
		r, err := record(message(f, &UnitState{Unit: fmt.Sprint(i)}))
		if err != nil {
			f.Fatal(err)
		}
		whole = append(whole, r...)
	}
	f.Add(whole, 1)
	f.Add(whole[:len(whole)-1], 0)
	f.Add([]byte("no store"), 0)
	f.Fuzz(func(t *testing.T, raw []byte, flip int) {
		raw = slices.Clone(raw)
		if flip > 0 && flip < len(raw) {
			raw[flip] ^= 1
		}
		all, n := scan(raw)
		if n > int64(len(raw)) {
			t.Fatalf("%d of %d bytes are whole", n, len(raw))
		}
		again, m := scan(raw[:n])
		if m != n || !reflect.DeepEqual(all, again) {
			t.Errorf("%d bytes hold %v, the first %d of them %v", len(raw), all, n, again)
		}
	})
}
