package flash

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"clarityos/images/sparse"
	"clarityos/update/loader"
)

// Entries are found wherever the parts end in which they are looked for.
func TestFindState(t *testing.T) {
	g := drawGUID()
	for at := range int64(300) {
		b := make([]byte, 1000)
		copy(b[at:], loader.StateWord+"xx"+loader.StateWord+strings.ToLower(g.String()))
		copy(b[600:], loader.StateWord+drawGUID().String())
		copy(b[1000-len(loader.StateWord)-guidText:], loader.StateWord+g.String())
		got, err := findState(bytes.NewReader(b), sparse.Extent{Start: 0, End: 1000}, []sparse.Extent{{Start: 0, End: 1000}}, g, 100)
		if want := at + int64(2*len(loader.StateWord)+2); err != nil || len(got) != 2 || got[0] != want || got[1] != 1000-guidText {
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
	mute := bytes.ReplaceAll(image, []byte(loader.StateWord), []byte("clarity.other="))
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
