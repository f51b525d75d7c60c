package flash

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"clarityos/images/disk"
	"clarityos/images/sparse"
)

func TestParseTable(t *testing.T) {
	f := smallImage(t, t.TempDir(), nil)
	defer f.Close()
	_, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := parseTable(image)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := tab.part("clarity-state")
	if want := disk.GUID("an image", "clarity-state"); !ok || p.guid.String() != want {
		t.Errorf("%v, and not %s", p.guid, want)
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
		if _, err := parseTable(bad); err == nil || !strings.Contains(err.Error(), c.want) {
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
		s := Source{bytes.NewReader(bad), int64(len(bad)), nil}
		if _, err := NewDisk(dense(s), 10<<20, drawGUID); err == nil {
			t.Errorf("%d at %d is taken", value, at)
		}
	}
}

// parseTable takes any bytes, and what it takes can be laid out anew.
func FuzzParseTable(f *testing.F) {
	image := smallImage(f, f.TempDir(), nil)
	defer image.Close()
	_, all, err := memory(image)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all[:1024], all[1024:1024+128*128])
	head := make([]byte, headSize)
	f.Fuzz(func(t *testing.T, start, entries []byte) {
		clear(head)
		copy(head[:1024], start)
		copy(head[1024:1024+128*128], entries)
		h := head[512:1024]
		if size := binary.LittleEndian.Uint32(h[12:]); size >= headerLeast && size <= sector {
			binary.LittleEndian.PutUint32(h[16:], headerSum(h))
		}
		table, err := parseTable(head)
		if err != nil || table.check() != nil {
			return
		}
		table.setGUIDs(drawGUID)
		table.resize(table.sectors + 1000)
		copy(head, table.mbr)
		copy(head[sector:], table.header)
		copy(head[table.from*sector:], table.entries)
		again, err := parseTable(head)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.check(); err != nil {
			t.Fatal(err)
		}
		if again.copyAt() < headSize || len(again.copy()) > headSize+sector {
			t.Fatalf("the copy is at %d", again.copyAt())
		}
	})
}

// Entries are found wherever the parts end in which they are looked for.
func TestFindState(t *testing.T) {
	g := drawGUID()
	for at := range int64(300) {
		b := make([]byte, 1000)
		copy(b[at:], stateWord+"xx"+stateWord+strings.ToLower(g.String()))
		copy(b[600:], stateWord+drawGUID().String())
		copy(b[1000-len(stateWord)-guidText:], stateWord+g.String())
		got, err := findState(bytes.NewReader(b), sparse.Extent{Start: 0, End: 1000}, []sparse.Extent{{Start: 0, End: 1000}}, g, 100)
		if want := at + int64(2*len(stateWord)+2); err != nil || len(got) != 2 || got[0] != want || got[1] != 1000-guidText {
			t.Fatalf("at %d: %v, %v", want, got, err)
		}
	}
}

func TestUnfit(t *testing.T) {
	f := smallImage(t, t.TempDir(), nil)
	defer f.Close()
	s, image, err := memory(f)
	if err != nil {
		t.Fatal(err)
	}
	cut := Source{bytes.NewReader(image[:4<<20]), 4 << 20, nil}
	if _, err := NewDisk(dense(cut), 10<<20, drawGUID); err == nil || !strings.Contains(err.Error(), "it was cut off") {
		t.Errorf("a cut image: %v", err)
	}
	mute := bytes.ReplaceAll(image, []byte(stateWord), []byte("clarity.other="))
	if _, err := NewDisk(dense(Source{bytes.NewReader(mute), s.Size, nil}), 10<<20, drawGUID); err == nil || !strings.Contains(err.Error(), "--keep-guids") {
		t.Errorf("without entries: %v", err)
	}
	if _, err := NewDisk(dense(Source{bytes.NewReader(mute), s.Size, nil}), 10<<20, nil); err != nil {
		t.Errorf("without entries, with its GUIDs: %v", err)
	}
}

func TestUnpack(t *testing.T) {
	for magic, want := range map[string]string{"\x28\xb5\x2f\xfdabcd": "zstd -d", "QFI\xfb\x00\x00\x00\x03": "qcow2", "conectix": "vpc", "\x1f\x8b": "gunzip", "\xfd7zXZ\x00": "unxz", "\xebx\x90": ""} {
		if got := unpack(magic, "f"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q", magic, got)
		}
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	now := time.Unix(1000, 0)
	for i, want := range []string{
		"writing     0%  0 B of 1.0 GiB",
		"writing     9%  102 MiB of 1.0 GiB  20.5 MiB/s  45s left",
		"writing    19%  205 MiB of 1.0 GiB  20.5 MiB/s  40s left",
		"writing   100%  1.0 GiB of 1.0 GiB  92.2 MiB/s",
	} {
		done := []int64{0, 1 << 30 / 10, 1 << 30 / 5, 1 << 30}[i]
		if got := m.Line(Step{"writing", done, 1 << 30}, now.Add(time.Duration(i)*5*time.Second)); got != want {
			t.Errorf("%q, and not %q", got, want)
		}
	}
	if got := m.Line(Step{"checking", 0, 0}, now); got != "checking  100%  0 B of 0 B" {
		t.Errorf("%q", got)
	}
}
