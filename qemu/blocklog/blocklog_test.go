package blocklog

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func entry(begin, sectors, flags uint64, data []byte) []byte {
	b := make([]byte, 512)
	for i, v := range []uint64{begin, sectors, flags, 0} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	return append(b, data...)
}

func log() []byte {
	b := make([]byte, 512)
	binary.LittleEndian.PutUint64(b, magic)
	binary.LittleEndian.PutUint64(b[8:], version)
	binary.LittleEndian.PutUint64(b[16:], 3)
	binary.LittleEndian.PutUint32(b[24:], 512)
	b = append(b, entry(1, 2, 0, bytes.Repeat([]byte{'a'}, 1024))...)
	b = append(b, entry(0, 0, 1, nil)...)
	b = append(b, entry(0, 4, flagDiscard, nil)...)
	return append(b, entry(0, 1, 2, bytes.Repeat([]byte{'b'}, 512))...)
}

func TestReplay(t *testing.T) {
	l, err := Read(bytes.NewReader(log()))
	if err != nil || len(l.Writes) != 4 || l.Writes[1].Size != 0 || !l.Writes[1].Flush || !l.Writes[2].Discard || l.Writes[3].Begin != 0 || !l.Writes[3].FUA {
		t.Fatalf("%+v, %v", l, err)
	}
	zero, a, b := bytes.Repeat([]byte{0}, 512), bytes.Repeat([]byte{'a'}, 512), bytes.Repeat([]byte{'b'}, 512)
	for _, c := range []struct {
		cut  Cut
		want [][]byte
	}{
		{Cut{}, nil}, {l.Torn(0), [][]byte{zero, a, a[:256]}}, {Cut{Whole: 1}, [][]byte{zero, a, a}}, {l.Torn(3), [][]byte{b[:256], zero[:256], a, a}},
		{Cut{Whole: 4}, [][]byte{b, a, a}}, {Cut{0, []Part{{3, 512}}}, [][]byte{b}}, {Cut{0, []Part{{0, 512}, {3, 512}}}, [][]byte{b, a}},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := l.Replay(f, c.cut); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(f.Name()); !bytes.Equal(got, bytes.Join(c.want, nil)) {
			t.Errorf("%v: %q", c.cut, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(log())
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = Read(bytes.NewReader(b)) })
}
