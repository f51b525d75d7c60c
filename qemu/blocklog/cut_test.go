package blocklog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// size is that of the disks here, in bytes.
const size = 16 * 512

// made is a log of random writes, flushes among them, each sector with other bytes.
func made(t *rapid.T) *Log {
	b := make([]byte, 512)
	binary.LittleEndian.PutUint64(b, magic)
	binary.LittleEndian.PutUint64(b[8:], version)
	binary.LittleEndian.PutUint32(b[24:], 512)
	n := rapid.IntRange(0, 12).Draw(t, "entries")
	random := rand.NewChaCha8([32]byte{})
	for range n {
		flags := rapid.SampledFrom([]uint64{0, 0, 0, 0, flagFlush, flagFUA, flagDiscard}).Draw(t, "flags")
		if flags == flagFlush {
			b = append(b, entry(0, 0, flags, nil)...)
			continue
		}
		begin := rapid.Uint64Range(0, 11).Draw(t, "begin")
		sectors := rapid.Uint64Range(1, 5).Draw(t, "sectors")
		var data []byte
		if flags != flagDiscard {
			data = make([]byte, sectors*512)
			_, _ = random.Read(data)
		}
		b = append(b, entry(begin, sectors, flags, data)...)
	}
	l, err := Read(bytes.NewReader(b))
	if err != nil || len(l.Writes) != n {
		t.Fatalf("%d entries of %d, %v", len(l.Writes), n, err)
	}
	return l
}

// memory is a disk.
type memory []byte

func (m memory) WriteAt(b []byte, at int64) (int, error) { return copy(m[at:], b), nil }

// Whatever cut is looked at after whatever other one, a disk has the bytes that are replayed,
// and where versions are the same, so are bytes.
func TestDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := made(t)
		before := bytes.Repeat([]byte{'x'}, rapid.IntRange(0, size).Draw(t, "before"))
		cuts := slices.Collect(l.Cuts(Choice{Seed: 1, Windows: 8, Tears: 3}))
		for range rapid.IntRange(0, 5).Draw(t, "back") {
			cuts = append(cuts, cuts[rapid.IntRange(0, len(cuts)-1).Draw(t, "cut")])
		}
		disk := l.On(bytes.NewReader(before))
		known := map[string][]byte{}
		at := rapid.Int64Range(0, size-1).Draw(t, "at")
		n := rapid.Int64Range(1, size-at).Draw(t, "bytes")
		for _, c := range cuts {
			want := make(memory, size)
			copy(want, before)
			if err := l.Replay(want, c); err != nil {
				t.Fatal(err)
			}
			disk.Set(c)
			got := make([]byte, n)
			if _, err := disk.ReadAt(got, at); err != nil || !bytes.Equal(got, want[at:at+n]) {
				t.Fatalf("%v: bytes %d to %d are not what is replayed: %v", c, at, at+n, err)
			}
			v := disk.Version(at, n)
			if same, has := known[v]; has && !bytes.Equal(same, got) {
				t.Fatalf("%v: version %q has other bytes than before", c, v)
			}
			known[v] = got
		}
	})
}

// A disk keeps what was flushed, or was on the medium by itself, before anything that it has:
// no cut lacks that. Each is in front of an entry, tears one, or leaves some of a window out.
func TestCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := made(t)
		whole, tears, latest := 0, 0, 0
		for c := range l.Cuts(Choice{Seed: rapid.Uint64().Draw(t, "seed"), Windows: rapid.SampledFrom([]int{0, 5, 1 << 12}).Draw(t, "windows"), Tears: 5}) {
			if c.Whole < latest {
				t.Fatalf("%v comes behind one of %d writes", c, latest)
			}
			latest = c.Whole
			if len(c.Kept) == 0 {
				if c.Whole != whole {
					t.Fatalf("%v, and not of %d", c, whole)
				}
				whole++
				continue
			}
			last := c.Kept[len(c.Kept)-1]
			if last.Bytes < l.Writes[last.Write].Size {
				tears++
			}
			for n := c.Whole; n < last.Write; n++ {
				w := l.Writes[n]
				if w.Flush || w.FUA && w.Size > 0 && !slices.Contains(c.Kept, Part{n, w.Size}) {
					t.Fatalf("%v, and entry %d is %+v", c, n, w)
				}
			}
		}
		sectors := 0
		for _, w := range l.Writes {
			if w.hasData() {
				sectors += int(w.Size/512) - 1
			}
		}
		if whole != len(l.Writes)+1 || tears != sectors {
			t.Fatalf("%d cuts in front of entries, of which there are %d; %d within %d sectors", whole, len(l.Writes), tears, sectors)
		}
	})
}

// All sets of a window's writes are there where that many are asked for, and always the same
// ones of more.
func TestSets(t *testing.T) {
	b := log()[:512]
	for i := range uint64(4) {
		b = append(b, entry(i, 1, 0, make([]byte, 512))...)
	}
	l, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	sets := func(c Choice) map[string]bool {
		out := map[string]bool{}
		for cut := range l.Cuts(c) {
			name := fmt.Sprint(cut.Kept)
			if cut.Whole > 0 { // in front of an entry
				name = ""
				for n := range cut.Whole {
					name += fmt.Sprint(n)
				}
			}
			out[name] = true
		}
		return out
	}
	if all := sets(Choice{Windows: 16}); len(all) != 16 {
		t.Errorf("%d sets of 4 writes: %v", len(all), all)
	}
	some := sets(Choice{Seed: 3, Windows: 6})
	if len(some) <= 5 || len(some) > 11 || !reflect.DeepEqual(some, sets(Choice{Seed: 3, Windows: 6})) || reflect.DeepEqual(some, sets(Choice{Seed: 4, Windows: 6})) {
		t.Errorf("some sets of 4 writes: %v", some)
	}
}
