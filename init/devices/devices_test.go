package devices

import (
	"slices"
	"testing"
)

func TestAliases(t *testing.T) {
	a := parseAliases("# comment\nalias virtio:d00000002v* virtio_blk\nalias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\nalias fs-ext4 ext4\nalias acpi*:PNP0C0C:* button\n")
	for _, c := range []struct {
		modalias string
		want     []string
	}{
		{"virtio:d00000002v00001AF4", []string{"virtio_blk"}},
		{"virtio:d00000001v00001AF4", nil},
		{"pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00", []string{"virtio_pci"}},
		{"fs-ext4", []string{"ext4"}},
		{"", nil},
	} {
		if got := a.modules(c.modalias); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.modalias, got, c.want)
		}
	}
}

func TestParseUevent(t *testing.T) {
	e, ok := parseUevent([]byte("add@/devices/x\x00ACTION=add\x00SUBSYSTEM=virtio\x00MODALIAS=virtio:d1\x00"))
	if !ok || e != (Event{"add", "/devices/x", "virtio", "virtio:d1", ""}) {
		t.Errorf("%+v %v", e, ok)
	}
	e, ok = parseUevent([]byte("change@/devices/virtual/block/dm-0\x00SUBSYSTEM=block\x00DM_VERITY_ERR_BLOCK_NR=1,4\x00"))
	if !ok || e != (Event{"change", "/devices/virtual/block/dm-0", "block", "", "1,4"}) {
		t.Errorf("%+v %v", e, ok)
	}
	if _, ok := parseUevent([]byte("libudev\x00\xfe\xed")); ok {
		t.Error("udev's message was taken for the kernel's")
	}
}

func FuzzParseUevent(f *testing.F) {
	f.Add([]byte("add@/devices/x\x00MODALIAS=a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := parseUevent(b); !ok && e != (Event{}) {
			t.Errorf("%+v", e)
		}
	})
}
