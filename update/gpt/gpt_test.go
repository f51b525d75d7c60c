package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clarityos/images/disk"
)

const mib = 1 << 20

// written gives the bytes of a disk with two partitions, the last called data.
func written(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	placed, size, err := disk.Place("seed", []disk.Partition{{Name: "esp", Type: disk.ESP, Size: mib}, {Name: "data", Type: disk.Var, Size: 2 * mib}})
	if err == nil {
		err = disk.Write(path, "seed", placed, size)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// memory is a disk that fails at a write, after half a sector of it.
type memory struct {
	b    []byte
	left int // sectors until then; below 0: never
}

var errCut = errors.New("the power was cut")

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(b, at)
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	for i := 0; i < len(b); i += Sector {
		if m.left == 0 {
			copy(m.b[at+int64(i):], b[i:i+Sector/2])
			return i, errCut
		}
		m.left--
		copy(m.b[at+int64(i):], b[i:i+Sector])
	}
	return len(b), nil
}

func (m *memory) Sync() error { return nil }

func TestGrow(t *testing.T) {
	small := written(t)
	m := &memory{append(small, make([]byte, 5*mib+Sector*3)...), -1}
	size := int64(len(m.b))
	table, err := Read(m, size)
	if err != nil {
		t.Fatal(err)
	}
	p, changed, err := table.Grow("data", size)
	if p.Number != 1 || p.First != 2*mib/Sector || bytesOf(p) != 7*mib || !changed || err != nil {
		t.Errorf("%+v, %v, %v", p, changed, err)
	}
	if err := table.Write(m); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, m.b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sgdisk", "-v", "-p", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") || !strings.Contains(string(out), "7.0 MiB") {
		t.Errorf("%v: %s", err, out)
	}
	again, err := Read(m, size)
	if err != nil {
		t.Fatal(err)
	}
	if same, changed, err := again.Grow("data", size); same != p || changed || err != nil {
		t.Errorf("again: %+v, %v, %v", same, changed, err)
	}
	if _, _, err := again.Grow("none", size); err == nil || !strings.Contains(err.Error(), "no partition none") {
		t.Error(err)
	}
	if p, _, err := again.Grow("esp", size); bytesOf(p) != mib || err != nil {
		t.Errorf("one that is not the last is %+v, %v", p, err)
	}
}

// A partition that is lost is made again where it was.
func TestAdd(t *testing.T) {
	m := &memory{append(written(t), make([]byte, 5*mib)...), -1}
	size := int64(len(m.b))
	table, err := Read(m, size)
	if err != nil {
		t.Fatal(err)
	}
	lost, _ := table.Partition("data")
	if got := Var.String(); got != disk.Var {
		t.Errorf("the type of /var is %s, and the images' %s", got, disk.Var)
	}
	if _, err := table.Add("more", Var, GUID{1}, size-5*mib); err == nil || !strings.Contains(err.Error(), "no room on the disk for a partition more") {
		t.Error(err)
	}
	clear(table.entry(lost.Number))
	p, err := table.Add("data", Var, lost.GUID, size)
	if p.Number != lost.Number || p.First != lost.First || bytesOf(p) != 7*mib || err != nil {
		t.Errorf("%+v, %v; it was %+v", p, err, lost)
	}
	table.Mark(p.Number, true)
	if err := table.Write(m); err != nil {
		t.Fatal(err)
	}
	for _, whole := range []bool{true, false} {
		again, err := Read(m, size)
		if err != nil {
			t.Fatal(err)
		}
		if p, _ := again.Partition("data"); p.Made != whole {
			t.Errorf("it is marked as %v, and should be %v", p.Made, whole)
		}
		again.Mark(p.Number, false)
		if err := again.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, m.b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sgdisk", "-v", "-i", "2", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") || !strings.Contains(string(out), disk.Var) || !strings.Contains(string(out), "'data'") {
		t.Errorf("%v: %s", err, out)
	}
}

func bytesOf(p Partition) int64 { return int64(p.Last-p.First+1) * Sector }

// After a cut of power at any sector the disk has a table, the old one or the new one, and
// to grow it again ends as it would have.
func TestCut(t *testing.T) {
	before := append(written(t), make([]byte, 5*mib)...)
	size := int64(len(before))
	grow := func(m *memory) error {
		table, err := Read(m, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := table.Grow("data", size); err != nil {
			t.Fatal(err)
		}
		return table.Write(m)
	}
	whole := &memory{slices.Clone(before), -1}
	if err := grow(whole); err != nil {
		t.Fatal(err)
	}
	for cut := 0; ; cut++ {
		m := &memory{slices.Clone(before), cut}
		if grow(m) == nil {
			if cut < 60 {
				t.Errorf("there are %d sectors", cut)
			}
			return
		}
		m.left = -1
		if err := grow(m); err != nil || !bytes.Equal(m.b, whole.b) {
			t.Fatalf("after a cut at sector %d: %v", cut, err)
		}
	}
}

func TestParse(t *testing.T) {
	image := written(t)
	table, err := Parse(image)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := table.Partition("data"); !ok || p.GUID.String() != disk.GUID("seed", "data") {
		t.Errorf("%+v", p)
	}
	for name, c := range map[string]struct {
		at   int
		want string
	}{
		"signature": {512, "no GUID partition table"}, "revision": {520, "is damaged"}, "size": {525, "is damaged"}, "sum": {530, "is damaged"},
		"entry": {1024 + 200, "entries"}, "last entry": {1024 + 128*128 - 1, "entries"}, "MBR": {510, "protective"}, "type": {450, "protective"},
	} {
		bad := bytes.Clone(image)
		bad[c.at] ^= 0x40
		if _, err := Parse(bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A header that is right by its sum, and makes no sense.
	for at, value := range map[int]uint64{72: 1 << 62, 80: 1<<32 - 1, 84: 1 << 20, 32: 1<<64 - 1, 24: 2} {
		bad := bytes.Clone(image)
		if at < 80 {
			binary.LittleEndian.PutUint64(bad[512+at:], value)
		} else {
			binary.LittleEndian.PutUint32(bad[512+at:], uint32(value))
		}
		binary.LittleEndian.PutUint32(bad[512+16:], headerSum(bad[512:1024]))
		if table, err := Parse(bad); err == nil && table.Check() == nil {
			t.Errorf("%d at %d is taken", value, at)
		}
	}
}

// Parse takes any bytes, and what it takes can be laid out anew.
func FuzzParse(f *testing.F) {
	f.Add([]byte("EFI PART"), []byte{1})
	head := make([]byte, HeadSize)
	f.Fuzz(func(t *testing.T, start, entries []byte) {
		clear(head)
		copy(head[:1024], start)
		copy(head[1024:1024+128*128], entries)
		h := head[512:1024]
		if size := binary.LittleEndian.Uint32(h[12:]); size >= headerLeast && size <= Sector {
			binary.LittleEndian.PutUint32(h[16:], headerSum(h))
		}
		table, err := Parse(head)
		if err != nil || table.Check() != nil {
			return
		}
		table.SetGUIDs(func() GUID { return GUID{1} })
		table.Resize(table.Sectors + 1000)
		copy(head, table.MBR)
		copy(head[Sector:], table.Header)
		copy(head[table.From*Sector:], table.Entries)
		again, err := Parse(head)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(); err != nil {
			t.Fatal(err)
		}
		if again.CopyAt() < HeadSize || len(again.Copy()) > HeadSize+Sector {
			t.Fatalf("the copy is at %d", again.CopyAt())
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte("EFI PART"), []byte{1})
	f.Fuzz(func(_ *testing.T, head, entries []byte) {
		b := make([]byte, 3*mib)
		copy(b[Sector:], head)
		copy(b[2*Sector:], entries)
		if table, err := Read(bytes.NewReader(b), int64(len(b))); err == nil && table.Check() == nil {
			_, _, _ = table.Grow("data", int64(len(b)))
		}
	})
}
