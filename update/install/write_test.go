package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"clarityos/update/chunks"
	"clarityos/update/manifest"
	"clarityos/update/source"
)

// made is a release of which all is in memory.
type made struct {
	*Release
	data [][]byte
	pack []byte
}

// pack packs parts: the first is the root's, the second its tree's, others are for the
// loader. Of the manifest only what Write looks at is there.
func pack(t testing.TB, data ...[]byte) made {
	t.Helper()
	var out bytes.Buffer
	p, err := chunks.NewPacker(&out)
	if err != nil {
		t.Fatal(err)
	}
	m := &manifest.Manifest{Name: "demo", Version: "1.2.0"}
	for i, d := range data {
		size, sum, places, err := p.Add(bytes.NewReader(d))
		if err != nil {
			t.Fatal(err)
		}
		part := manifest.Part{Blob: manifest.Blob{Hash: sum, Size: size}, Places: places}
		switch i {
		case 0:
			m.Root = part
		case 1:
			m.Tree = part
		default:
			m.Boot = append(m.Boot, manifest.File{Path: fmt.Sprintf("%sf%d", manifest.FolderPath, i), Part: part})
		}
	}
	table := p.Table().Encode()
	m.Table = manifest.Blob{Hash: sha256.Sum256(table), Size: int64(len(table))}
	m.Packed = manifest.Blob{Hash: sha256.Sum256(out.Bytes()), Size: int64(out.Len())}
	r, err := NewRelease(m, table)
	if err != nil {
		t.Fatal(err)
	}
	return made{r, data, out.Bytes()}
}

var errBroken = errors.New("the line is broken")

// line is a source that gives a pack, and breaks after some chunks.
type line struct {
	source.Source // what is not asked for here
	pack          []byte
	left          int // chunks until it breaks; -1: it does not
	gave          int64
}

func (l *line) String() string { return "a line" }

func (l *line) ReadRanges(_ context.Context, _ string, ranges []source.Range, each func(int, []byte) error) error {
	if err := source.CheckRanges(ranges); err != nil {
		return err
	}
	for i, r := range ranges {
		if l.left == 0 {
			return errBroken
		}
		l.left--
		l.gave += r.Length
		if err := each(i, l.pack[r.At:r.At+r.Length]); err != nil {
			return err
		}
	}
	return nil
}

// partition is a file of one size.
type partition []byte

func (d partition) ReadAt(b []byte, at int64) (int, error) { return bytes.NewReader(d).ReadAt(b, at) }
func (d partition) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(d)) {
		return 0, errors.New("outside of the partition")
	}
	return copy(d[at:], b), nil
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// edited is data with something else in the place of a part of it.
func edited(t *rapid.T, data []byte) []byte {
	at := rapid.IntRange(0, len(data)).Draw(t, "at")
	gone := rapid.IntRange(0, min(200<<10, len(data)-at)).Draw(t, "gone")
	come := noise(rapid.IntRange(0, 200<<10).Draw(t, "come"), rapid.Byte().Draw(t, "new"))
	return slices.Concat(data[:at], come, data[at+gone:])
}

// Whatever the slots have, and wherever the line breaks, what is there in the end is the
// release; and nothing is fetched that the plan did not say, nor twice.
func TestWrite(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		runs := noise(rapid.IntRange(1, 2<<20).Draw(rt, "size"), 1)
		old := edited(rt, runs)
		root := runs
		for range rapid.IntRange(0, 3).Draw(rt, "edits") {
			root = edited(rt, root)
		}
		if rapid.Bool().Draw(rt, "repeats") {
			root = slices.Concat(root, root)
		}
		r := pack(t, root, noise(30<<10, 9), edited(rt, runs), []byte("text"))
		slot := make(partition, len(root)+1<<20)
		copy(slot, old)
		to := []File{slot, make(partition, 64<<10), make(partition, 4<<20), &memory{}}
		bases := []Base{{bytes.NewReader(runs), int64(len(runs))}}
		var last Progress
		var fetched int64
		for tries, left := 0, rapid.IntRange(0, 5).Draw(rt, "left"); ; tries, left = tries+1, left*2+1 {
			l := &line{pack: r.pack, left: left}
			err := Write(t.Context(), r.Release, to, bases, l, func(p Progress) { last = p })
			fetched += l.gave
			if err == nil {
				break
			}
			if !errors.Is(err, errBroken) || tries > 20 {
				rt.Fatal(err)
			}
		}
		for i, want := range r.data {
			got := make([]byte, len(want))
			if n, _ := to[i].ReadAt(got, 0); n != len(want) || !bytes.Equal(got, want) {
				rt.Fatalf("part %d is another one", i)
			}
		}
		if last.Done != last.Size || last.Whole != int64(len(r.pack)) || fetched > last.Whole+2*chunks.PackedMost*20 {
			rt.Fatalf("%+v, and %d bytes were fetched", last, fetched)
		}
		again := &line{pack: r.pack}
		if err := Write(t.Context(), r.Release, to, nil, again, func(Progress) {}); err != nil {
			rt.Fatalf("what is there is fetched again: %v", err)
		}
	})
}

// What the machine has is not fetched.
func TestFetchesLittle(t *testing.T) {
	runs := noise(8<<20, 1)
	root := slices.Concat(runs[:3<<20], noise(10<<10, 2), runs[3<<20+5000:])
	r := pack(t, root, nil)
	l := &line{pack: r.pack, left: -1}
	var last Progress
	if err := Write(t.Context(), r.Release, []File{make(partition, 9<<20), partition(nil)}, []Base{{bytes.NewReader(runs), int64(len(runs))}}, l, func(p Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	if l.gave > 3*chunks.SizeMost || l.gave != last.Lacking || l.gave != last.Fetched {
		t.Errorf("%d bytes were fetched: %+v", l.gave, last)
	}
}

// A base that gives something else than when it was looked at, or that fails, costs a fetch.
func TestBaseChanges(t *testing.T) {
	runs := noise(1<<20, 1)
	r := pack(t, runs, nil)
	for name, base := range map[string]Base{
		"changed": {&fickle{bytes.NewReader(runs), 1 << 20}, 1 << 20},
		"failing": {iofail{bytes.NewReader(runs), 300 << 10}, 1 << 20},
	} {
		slot, l := make(partition, 1<<20), &line{pack: r.pack, left: -1}
		if err := Write(t.Context(), r.Release, []File{slot, partition(nil)}, []Base{base}, l, func(Progress) {}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(slot, runs) || l.gave == 0 {
			t.Errorf("%s: %d bytes were fetched, and the slot may be another one", name, l.gave)
		}
	}
}

// fickle gives what it has once, and then zeros.
type fickle struct {
	*bytes.Reader
	left int
}

func (f *fickle) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.Reader.ReadAt(b, at)
	if f.left -= n; f.left < 0 {
		clear(b[:n])
	}
	return n, err
}

// iofail cannot be read from somewhere on.
type iofail struct {
	*bytes.Reader
	from int64
}

func (f iofail) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > f.from {
		return 0, errors.New("input/output error")
	}
	return f.Reader.ReadAt(b, at)
}

// What is garbled on the way ends it, and so does a source that gives another chunk.
func TestGarbled(t *testing.T) {
	r := pack(t, noise(1<<20, 1), nil)
	bad := slices.Clone(r.pack)
	bad[len(bad)/2] ^= 1
	l := &line{pack: bad, left: -1}
	if err := Write(t.Context(), r.Release, []File{make(partition, 1<<20), partition(nil)}, nil, l, func(Progress) {}); !errors.Is(err, chunks.ErrCorrupt) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, r.Release, []File{make(partition, 1<<20), partition(nil)}, nil, l, func(Progress) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A table that is not its manifest's is refused before anything is made of it.
func TestNewRelease(t *testing.T) {
	for name, change := range map[string]func(*manifest.Manifest, *[]byte){
		"another table":        func(_ *manifest.Manifest, b *[]byte) { (*b)[40] ^= 1 },
		"a table cut short":    func(_ *manifest.Manifest, b *[]byte) { *b = (*b)[:len(*b)-1] },
		"places are left over": func(m *manifest.Manifest, _ *[]byte) { m.Boot = m.Boot[:0] },
		"a part is larger":     func(m *manifest.Manifest, _ *[]byte) { m.Root.Size++ },
		"places are missing":   func(m *manifest.Manifest, _ *[]byte) { m.Tree.Places += 5 },
		"another pack":         func(m *manifest.Manifest, _ *[]byte) { m.Packed.Size++ },
	} {
		r := pack(t, noise(1<<20, 1), noise(100, 2), noise(200, 3))
		table := r.Table.Encode()
		change(r.Manifest, &table)
		if _, err := NewRelease(r.Manifest, table); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
