package mapper

import (
	"encoding/binary"
	"strings"
	"testing"

	"clarityos/update/verity"
)

func TestVerity(t *testing.T) {
	tree := &verity.Tree{Blocks: 3}
	got := Verity("/dev/vda3", "/dev/vda4", tree, verity.Hash{0xab})
	want := "1 /dev/vda3 /dev/vda4 4096 4096 3 1 sha256 ab" + strings.Repeat("0", 62) + " -"
	if got.Params != want || got.Type != "verity" || got.Size != 3*4096 {
		t.Errorf("%+v", got)
	}
	tree.Salt = []byte{1, 0xff}
	if got := Verity("a", "b", tree, verity.Hash{}).Params; !strings.HasSuffix(got, " 01ff") {
		t.Errorf("%s", got)
	}
}

// Where the kernel looks for fields (include/uapi/linux/dm-ioctl.h).
func TestRequest(t *testing.T) {
	b, err := request("root", 1, &Target{Type: "verity", Size: 4096, Params: "12345678"})
	if err != nil {
		t.Fatal(err)
	}
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	if u32(0) != 4 || int(u32(12)) != len(b) || u32(16) != 312 || u32(20) != 1 || u32(28) != 1 || string(b[48:53]) != "root\x00" {
		t.Errorf("head: %x", b[:60])
	}
	spec := b[312:]
	if binary.NativeEndian.Uint64(spec) != 0 || binary.NativeEndian.Uint64(spec[8:]) != 8 || binary.NativeEndian.Uint32(spec[20:]) != 40+16 ||
		string(spec[24:31]) != "verity\x00" || string(spec[40:49]) != "12345678\x00" {
		t.Errorf("spec: %x", spec[:60])
	}
	for _, bad := range []Target{{Type: strings.Repeat("x", 16), Size: 512}, {Type: "x", Size: 511}, {Type: "x"}} {
		if _, err := request("a", 0, &bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for _, name := range []string{"", "a/b", strings.Repeat("x", 128)} {
		if _, err := request(name, 0, nil); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}
