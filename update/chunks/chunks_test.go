package chunks

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// random is data that nothing is known of, the same each time.
func random(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func split(t *testing.T, r io.Reader) (all [][]byte) {
	t.Helper()
	if err := Split(r, func(c []byte) error { all = append(all, slices.Clone(c)); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSplit(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing": nil, "a byte": {1}, "the least": random(SizeLeast, 1), "one more": random(SizeLeast+1, 1),
		"the most": random(SizeMost, 2), "much": random(5<<20, 3), "zeros": make([]byte, 3<<20+7),
	} {
		all := split(t, bytes.NewReader(data))
		if !bytes.Equal(bytes.Join(all, nil), data) {
			t.Errorf("%s: the chunks are not the data", name)
		}
		for i, c := range all {
			if len(c) > SizeMost || len(c) < SizeLeast && i < len(all)-1 {
				t.Errorf("%s: chunk %d of %d has %d bytes", name, i, len(all), len(c))
			}
		}
		if again := split(t, iotest.HalfReader(bytes.NewReader(data))); len(again) != len(all) {
			t.Errorf("%s: how it is read changes the chunks from %d to %d", name, len(all), len(again))
		}
	}
	if n := len(split(t, bytes.NewReader(random(64<<20, 4)))); n < 64<<20/(2*sizeUsual) || n > 64<<20/(sizeUsual/2) {
		t.Errorf("64 MiB have %d chunks", n)
	}
	if err := Split(iotest.ErrReader(io.ErrClosedPipe), nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// What is put in, taken out or altered in one place changes few chunks.
func TestFewChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := random(4<<20, rapid.Byte().Draw(t, "seed"))
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		gone := rapid.IntRange(0, min(100<<10, len(data)-at)).Draw(t, "gone")
		come := random(rapid.IntRange(0, 100<<10).Draw(t, "come"), 200)
		changed := slices.Concat(data[:at], come, data[at+gone:])
		had := map[string]bool{}
		_ = Split(bytes.NewReader(data), func(c []byte) error { had[string(c)] = true; return nil })
		lacks := 0
		_ = Split(bytes.NewReader(changed), func(c []byte) error {
			if !had[string(c)] {
				lacks += len(c)
			}
			return nil
		})
		if most := len(come) + 4*SizeMost; lacks > most {
			t.Fatalf("%d bytes are new, more than %d", lacks, most)
		}
	})
}

// packed packs parts.
func packed(t testing.TB, parts ...[]byte) (pack []byte, table *Table, places []int) {
	t.Helper()
	var out bytes.Buffer
	p, err := NewPacker(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range parts {
		size, sum, n, err := p.Add(bytes.NewReader(data))
		if err != nil || size != int64(len(data)) || sum != sha256.Sum256(data) {
			t.Fatalf("%d bytes, %x: %v", size, sum, err)
		}
		places = append(places, n)
	}
	table, err = Decode(p.Table().Encode())
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), table, places
}

func TestPack(t *testing.T) {
	parts := [][]byte{random(1<<20, 1), nil, append(random(1<<20, 1), random(300<<10, 2)...), make([]byte, 1<<20), []byte("text")}
	pack, table, places := packed(t, parts...)
	if again, _, _ := packed(t, parts...); !bytes.Equal(again, pack) {
		t.Error("packed again, it is another pack")
	}
	if int64(len(pack)) != table.PackSize() || len(pack) > 5<<18+400<<10 {
		t.Errorf("a pack of %d bytes, by its table %d", len(pack), table.PackSize())
	}
	u, err := NewUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	from := 0
	for i, data := range parts {
		part, err := table.Part(from, places[i], int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, n := range part {
			at := table.Offset(n)
			plain, err := u.Chunk(table.Entries[n], pack[at:at+int64(table.Entries[n].Length)])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, plain...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("part %d is another one", i)
		}
		from += places[i]
	}
	if _, err := table.Part(0, places[0], 5); err == nil {
		t.Error("a part of another size is taken")
	}
	if _, err := table.Part(from, 1, 5); err == nil {
		t.Error("a part behind the last one is taken")
	}
}

// A chunk is not given out unless all of it is right, and a frame that would become larger
// than the table says is not unpacked.
func TestCorrupt(t *testing.T) {
	pack, table, _ := packed(t, random(100<<10, 1))
	u, err := NewUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	e := table.Entries[0]
	good := pack[:e.Length]
	bomb, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	large := bomb.EncodeAll(make([]byte, 1<<30), nil)
	signed := func(b []byte, size uint32) Entry { // by somebody who can have the table say so
		return Entry{Plain: e.Plain, Packed: sha256.Sum256(b), Size: size, Length: uint32(len(b))}
	}
	for name, c := range map[string]struct {
		e      Entry
		packed []byte
	}{
		"a bit":         {e, append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1)},
		"short":         {e, good[:len(good)-1]},
		"long":          {e, append(slices.Clone(good), 0)},
		"a bomb":        {signed(large, SizeMost), large},
		"another size":  {signed(good, e.Size-1), good},
		"another chunk": {Entry{Plain: sha256.Sum256(nil), Packed: e.Packed, Size: e.Size, Length: e.Length}, good},
		"no frame":      {signed([]byte("no frame"), 8), []byte("no frame")},
	} {
		if _, err := u.Chunk(c.e, c.packed); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if plain, err := u.Chunk(e, good); err != nil || sha256.Sum256(plain) != e.Plain {
		t.Error(err)
	}
}

func FuzzTable(f *testing.F) {
	_, table, _ := packed(f, random(1<<20, 1), []byte("text"))
	f.Add(table.Encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(table.Encode(), b) {
			t.Error("it is another table when it is written again")
		}
		for i, e := range table.Entries {
			if at := table.Offset(uint32(i)); at < 0 || at+int64(e.Length) > table.PackSize() {
				t.Errorf("chunk %d lies outside the pack", i)
			}
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	data := random(64<<20, 1)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		_ = Split(bytes.NewReader(data), func([]byte) error { return nil })
	}
}
