package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"clarityos/images"
)

func TestParseForward(t *testing.T) {
	for text, want := range map[string]images.Forward{
		"8080:80": {Host: 8080, Guest: 80},
		"0:22":    {Host: 0, Guest: 22},
		"443":     {Host: 443, Guest: 443},
	} {
		if got, err := parseForward(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":", "80:", ":80", "80:0", "1:65536", "-1:2", "tcp:80", "1:2:3"} {
		if got, err := parseForward(text); err == nil {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint64{"4096": 4096, "512M": 512 << 20, "4G": 4 << 30, "1T": 1 << 40, "8K": 8 << 10} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "M", "-1M", "1.5G", "1X", "1MM", "9999999999T", "1i", "1 G", "8KB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}

func TestMachineConfig(t *testing.T) {
	img := &images.Image{Dir: "out/demo/", Data: true, DataSize: 1 << 30}
	plain := &images.Image{Dir: "out/plain"}
	for _, tc := range []struct {
		name  string
		flags machineFlags
		img   *images.Image
		disk  string
		size  uint64
	}{
		{"the image's disk", machineFlags{}, img, "out/demo.data", 1 << 30},
		{"another file", machineFlags{data: "/d"}, img, "/d", 1 << 30},
		{"grown", machineFlags{dataSize: "2G"}, img, "out/demo.data", 2 << 30},
		{"left out", machineFlags{noData: true}, img, "", 0},
		{"none wanted", machineFlags{}, plain, "", 0},
		{"asked for", machineFlags{dataSize: "1M"}, plain, "out/plain.data", 1 << 20},
	} {
		cfg, err := tc.flags.config(tc.img)
		if err != nil || filepath.ToSlash(cfg.Disk) != tc.disk || cfg.DiskSize != tc.size {
			t.Errorf("%s: %q of %d bytes, %v", tc.name, cfg.Disk, cfg.DiskSize, err)
		}
	}
}

// What is typed reaches the guest byte by byte, but for Ctrl-A and what it
// begins; Ctrl-A X ends it wherever reads are cut.
func TestTypeAll(t *testing.T) {
	const a = "\x01"
	for _, tc := range []struct{ typed, sent string }{
		{"ls\r", "ls\r"},
		{"one" + a + "xtwo", "one"},
		{"one" + a + "Xtwo", "one"},
		{a + a + "b", a + "b"},
		{a + "qb", "b"},
		{"\x03\x04", "\x03\x04"},
	} {
		var whole, single strings.Builder
		typeAll(strings.NewReader(tc.typed), func(p []byte) error { whole.Write(p); return nil })
		typeAll(iotest.OneByteReader(strings.NewReader(tc.typed)), func(p []byte) error { single.Write(p); return nil })
		if diff := cmp.Diff([]string{tc.sent, tc.sent}, []string{whole.String(), single.String()}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.typed, diff)
		}
	}
	refused := errors.New("off")
	typeAll(strings.NewReader("x"), func([]byte) error { return refused }) // returns
}
