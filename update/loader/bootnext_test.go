package loader

import (
	"encoding/binary"
	"slices"
	"testing"

	"clarityos/update/slots"
)

func TestBootNext(t *testing.T) {
	v := variables{t.TempDir()}
	add := func(name string, says []byte) {
		t.Helper()
		if err := v.write(name, global, says); err != nil {
			t.Fatal(err)
		}
	}
	load := func(name string) []byte { return append(append(make([]byte, 6), encodeText(name)...), "a path"...) }
	add("Boot0000", load("Firmware Setup"))
	add("Boot0001", []byte("short"))
	add("Boot001A", load("clarity-b"))
	add("BootOrder", []byte{0, 0, 2, 0, 0x1a, 0})
	if findUEFI(v) != nil {
		t.Error("one of the slots has an option, and that was enough")
	}
	add("Boot0002", load("clarity-a"))
	add("Boot0003", load("clarity-a")) // left from another installation
	l := findUEFI(v)
	if l == nil || l.String() != "UEFI boot options" {
		t.Fatalf("%v", l)
	}
	says := func(name string, want ...uint16) {
		t.Helper()
		b, err := v.read(name, global)
		var got []uint16
		for pair := range slices.Chunk(b, 2) {
			got = append(got, binary.LittleEndian.Uint16(pair))
		}
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("%s is %x, %v; wanted %x", name, got, err, want)
		}
	}
	for _, step := range []struct {
		do        func(slots.Slot) error
		slot      slots.Slot
		next      uint16
		bootOrder []uint16
	}{
		{l.ArmOnce, slots.B, 0x1a, []uint16{0, 2, 0x1a}},
		{l.Commit, slots.B, 0x1a, []uint16{0x1a, 0, 2}},
		{l.Commit, slots.B, 0x1a, []uint16{0x1a, 0, 2}},
		{l.ArmOnce, slots.A, 2, []uint16{0x1a, 0, 2}},
		{l.Commit, slots.A, 2, []uint16{2, 0x1a, 0}},
	} {
		if err := step.do(step.slot); err != nil {
			t.Fatal(err)
		}
		says("BootNext", step.next)
		says("BootOrder", step.bootOrder...)
	}
}
