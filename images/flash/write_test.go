package flash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"clarityos/update/gpt"
)

const testChunk = 128 << 10

// run writes an image to a medium.
func run(s Source, m *medium, resume bool) (Done, error) {
	d, err := NewDisk(s, int64(len(m.cached)), drawGUID)
	if err != nil {
		return Done{}, err
	}
	w := &writer{Disk: d, dev: m, resume: resume, say: func(Step) {}, chunk: testChunk}
	return w.write(context.Background())
}

// touched says in which way a medium after a failure could be taken for a whole disk: it
// has a partition table, and is not what it was before.
func touched(before, after []byte) error {
	now, err := gpt.Parse(after)
	if err != nil {
		return nil // as it should be
	}
	old, err := gpt.Parse(before)
	if err != nil || !bytes.Equal(old.Header, now.Header) || !bytes.Equal(old.Entries, now.Entries) {
		return errors.New("there is a new partition table")
	}
	if !bytes.Equal(before[gpt.HeadSize:len(before)-2*firstSize*5], after[gpt.HeadSize:len(after)-2*firstSize*5]) {
		return errors.New("the old partition table is there, and what it tells of is not")
	}
	return nil
}

var used = layout{
	"esp":           {0: noise(9000, 1), 300_000: noise(20_000, 2)},
	"clarity-state": {0: []byte("a record"), 4096: []byte("another one")},
	"root-a":        {0: noise(200_000, 3), 700_000: noise(100, 4), 1<<20 - 4096: noise(4096, 5)},
}

func TestWrite(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Source{"holes": s, "no holes": dense(s)} {
		for _, more := range []int{0, 512, 4096 * 3, 20 << 10, 1 << 20, 3<<20 + 5*512, 100} {
			before := noise(len(image)+more, 9)
			m := newMedium(before)
			if _, err := run(s, m, false); err != nil {
				t.Fatalf("%s, %d bytes more: %v", name, more, err)
			}
			if err := whole(image, before, m.stable, false); err != nil {
				t.Errorf("%s, %d bytes more: %v", name, more, err)
			}
			done, err := run(s, m, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := whole(image, before, m.stable, false); err != nil {
				t.Errorf("%s, %d bytes more, again: %v", name, more, err)
			}
			// The tables, and the chunks with the two boot entries.
			if most := int64(gpt.HeadSize + 64<<10 + 3*testChunk); done.Written > most || done.Cleared > 0 {
				t.Errorf("%s, %d bytes more: the same image is written by %+v", name, more, done)
			}
		}
	}
	if _, err := run(s, newMedium(make([]byte, len(image)-1)), false); err == nil {
		t.Error("a device that is too small is written")
	}
}

func TestKeptGUIDs(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []int{0, 1 << 20} {
		before := noise(len(image)+more, 9)
		m := newMedium(before)
		d, err := NewDisk(s, int64(len(before)), nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &writer{Disk: d, dev: m, say: func(Step) {}, chunk: testChunk}
		if _, err := w.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := whole(image, before, m.stable, true); err != nil {
			t.Error(err)
		}
		if more == 0 && !bytes.Equal(image, m.stable) {
			t.Error("with its GUIDs and on a device of its size an image is another one")
		}
	}
}

// Whatever operation fails, in whatever way: there is no partition table that could boot,
// and resuming makes it whole.
func TestEachFailure(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	old := newMedium(noise(len(image)+1<<20, 9))
	if _, err := run(s, old, false); err != nil { // a disk that boots
		t.Fatal(err)
	}
	before := old.stable
	copy(before[2<<20:], noise(1<<20, 7)) // of another version
	for _, kind := range []faultKind{refused, torn, late, dead} {
		for _, resume := range []bool{false, true} {
			if resume && kind != torn {
				continue // TestFailures has these
			}
			failed := 0
			for at := 1; ; at++ {
				m := newMedium(before)
				m.fault = fault{at, kind, 0.5}
				_, err := run(s, m, resume)
				if m.ops < at {
					break // it has no more operations
				}
				where := fmt.Sprintf("kind %d at %d of %d, resume %v", kind, at, m.ops, resume)
				if err != nil {
					failed++
					// One that is dead can have taken the last byte that was missing.
					last := kind == dead && whole(image, before, m.cached, false) == nil
					if err := touched(before, m.cached); err != nil && !last {
						t.Fatalf("%s: %v", where, err)
					}
				} else if !resume { // where what cannot be read is written anew
					t.Fatalf("%s: there is no error", where)
				}
				m.fault = fault{}
				if _, err := run(s, m, true); err != nil {
					t.Fatalf("%s: resume: %v", where, err)
				}
				if err := whole(image, before, m.stable, false); err != nil {
					t.Fatalf("%s: resumed: %v", where, err)
				}
			}
			if failed < 20 {
				t.Errorf("kind %d, resume %v: only %d operations failed", kind, resume, failed)
			}
		}
	}
}

// Whenever the power is cut, and whatever of a cache that loses: there is no partition
// table then, or all that it tells of.
func TestPowerCut(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	old := newMedium(noise(len(image)+1<<20, 9))
	if _, err := run(s, old, false); err != nil {
		t.Fatal(err)
	}
	before := old.stable
	copy(before[2<<20:], noise(1<<20, 7))
	for at := 1; ; at++ {
		m := newMedium(before)
		m.fault = fault{at, powerCut, float64(at % 2)}
		_, _ = run(s, m, false)
		if m.ops < at {
			break
		}
		stable, dirty := m.stable, m.dirty
		for seed := range uint64(8) {
			m := &medium{stable: bytes.Clone(stable), cached: m.cached, dirty: dirty}
			m.loseCache(rand.New(rand.NewPCG(seed, uint64(at))))
			if err := touched(before, m.stable); err != nil && whole(image, before, m.stable, false) != nil {
				t.Fatalf("at operation %d, seed %d: %v", at, seed, err)
			}
		}
	}
}

// The same for any layout, and also where a device lies; and it is resumed.
func TestFailures(t *testing.T) {
	f := smallImage(t, t.TempDir(), nil)
	defer f.Close()
	_, empty, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := layout{}
		for _, name := range []string{"esp", "clarity-state", "root-a"} {
			l[name] = map[int64][]byte{}
			for i := range rapid.IntRange(0, 4).Draw(t, name) {
				at := rapid.Int64Range(100, 245).Draw(t, "at") * 4096
				l[name][at] = noise(rapid.IntRange(1, 40_000).Draw(t, "bytes"), byte(i))
			}
		}
		s, image := with(empty, l)
		before := noise(len(image)+gpt.Sector*rapid.IntRange(0, 300).Draw(t, "more"), 9)
		m := newMedium(before)
		if rapid.Bool().Draw(t, "was a disk") {
			if _, err := run(s, m, false); err != nil {
				t.Fatal(err)
			}
			copy(m.stable[gpt.HeadSize+rapid.IntRange(0, 2<<20).Draw(t, "other"):], noise(300_000, 8))
			copy(m.cached, m.stable)
			before, m.ops = bytes.Clone(m.stable), 0
		}
		m.fault = fault{rapid.IntRange(1, 140).Draw(t, "op"), faultKind(rapid.IntRange(0, int(powerCut)).Draw(t, "kind")), rapid.Float64Range(0, 1).Draw(t, "part")}
		_, err := run(s, m, rapid.Bool().Draw(t, "resume"))
		if m.fault.kind == powerCut {
			m.loseCache(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		}
		was := before
		if m.fault.kind == elsewhere {
			before = nil // what is behind the image may have been hit
		}
		isWhole := whole(image, before, m.cached, false)
		switch {
		case err == nil && isWhole != nil && m.fault.kind != powerCut:
			t.Fatalf("there is no error, and %v", isWhole)
		case err != nil && isWhole == nil && (m.fault.kind == dead || m.fault.kind == powerCut):
			// It failed behind the last byte, and took no other one.
		case err != nil:
			if err := touched(was, m.cached); err != nil {
				t.Fatal(err)
			}
		}
		m.fault = fault{}
		if _, err := run(s, m, true); err != nil {
			t.Fatalf("resume: %v", err)
		}
		if err := whole(image, before, m.stable, false); err != nil {
			t.Fatalf("resumed: %v", err)
		}
	})
}

// A device that is smaller than it says is told, by the place.
func TestDiffers(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, _, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	m := newMedium(make([]byte, 5<<20))
	d, err := NewDisk(s, 5<<20, drawGUID)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{Disk: d, dev: &flipped{m, 1<<20 + 8123}, say: func(Step) {}, chunk: testChunk}
	_, err = w.write(t.Context())
	var differs *Differs
	if !errors.As(err, &differs) || differs.At != 1<<20+8123 {
		t.Errorf("%v", err)
	}
	if _, err := gpt.Parse(m.stable); err == nil {
		t.Error("it has a partition table")
	}
}

// flipped changes a byte of what is written.
type flipped struct {
	*medium
	at int64
}

func (f *flipped) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.medium.WriteAt(b, at)
	if f.at >= at && f.at < at+int64(len(b)) {
		f.cached[f.at] ^= 0x10
	}
	return n, err
}

func TestInterrupted(t *testing.T) {
	f := smallImage(t, t.TempDir(), used)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clearing", "writing", "checking"} {
		before := noise(6<<20, 9)
		m := newMedium(before)
		d, err := NewDisk(s, 6<<20, drawGUID)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w := &writer{Disk: d, dev: m, chunk: testChunk, say: func(s Step) {
			if s.Name == name {
				cancel()
			}
		}}
		if _, err := w.write(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("while %s: %v", name, err)
		}
		if _, err := gpt.Parse(m.stable); err == nil {
			t.Errorf("while %s: it has a partition table", name)
		}
		if _, err := run(s, m, true); err != nil {
			t.Error(err)
		}
		if err := whole(image, before, m.stable, false); err != nil {
			t.Errorf("while %s: %v", name, err)
		}
	}
}
