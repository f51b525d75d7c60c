package gpt

import (
	"bytes"
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
	number, begin, grown, changed, err := table.Grow("data")
	if number != 2 || begin != 2*mib || grown != 7*mib || !changed || err != nil {
		t.Errorf("%d, at %d, %d bytes, %v, %v", number, begin, grown, changed, err)
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
	if _, _, same, changed, err := again.Grow("data"); same != grown || changed || err != nil {
		t.Errorf("again: %d bytes, %v, %v", same, changed, err)
	}
	if _, _, _, _, err := again.Grow("none"); err == nil || !strings.Contains(err.Error(), "no partition none") {
		t.Error(err)
	}
	if _, _, same, _, err := again.Grow("esp"); same != mib || err != nil {
		t.Errorf("one that is not the last has %d bytes, %v", same, err)
	}
}

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
		if _, _, _, _, err := table.Grow("data"); err != nil {
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
			if cut != 2*(entrySectors+1) {
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

func FuzzRead(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte(signature), []byte{1})
	f.Fuzz(func(_ *testing.T, head, entries []byte) {
		b := make([]byte, 64*Sector)
		copy(b[Sector:], head)
		copy(b[2*Sector:], entries)
		if table, err := Read(bytes.NewReader(b), int64(len(b))); err == nil {
			_, _, _, _, _ = table.Grow("data")
		}
	})
}
