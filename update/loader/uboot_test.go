package loader

import (
	"os"
	"path/filepath"
	"testing"

	"clarityos/update/slots"
)

func TestUBoot(t *testing.T) {
	device := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(device, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if l := findUBoot(device); l != nil {
		t.Fatalf("a partition without its variables has %v", l)
	}
	at := func(b []byte) {
		t.Helper()
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(b, UBootAt); err != nil {
			t.Fatal(err)
		}
	}
	at([]byte("clarity_slot=c\n"))
	if l := findUBoot(device); l != nil {
		t.Fatalf("variables that name no slot: %v", l)
	}
	at([]byte("clarity_slot=a\n\x00clarity_once=b\n"))
	l := findUBoot(device)
	if l == nil {
		t.Fatal("it is not found")
	}
	for i, step := range []struct {
		do         func(slots.Slot) error
		with       slots.Slot
		slot, once slots.Slot
	}{
		{l.ArmOnce, slots.B, slots.A, slots.B},
		{l.ArmOnce, slots.B, slots.A, slots.B},
		{l.Commit, slots.B, slots.B, slots.None},
		{l.ArmOnce, slots.A, slots.B, slots.A},
		{l.Commit, slots.B, slots.B, slots.None},
	} {
		if err := step.do(step.with); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(device)
		if err != nil {
			t.Fatal(err)
		}
		slot, once, err := ReadUBoot(f)
		f.Close()
		if err != nil || slot != step.slot || once != step.once {
			t.Errorf("step %d: slot %v, once %v, %v", i, slot, once, err)
		}
	}
	if info, err := os.Stat(device); err != nil || info.Size() != 5<<20 {
		t.Errorf("%v, %v", info, err)
	}
}

// Whatever the sector has, it names slots or none, and can be written anew.
func FuzzUBoot(f *testing.F) {
	f.Add([]byte("clarity_slot=b\nclarity_once=a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		part := make(memory, UBootAt+UBootSize)
		copy(part[UBootAt:], b)
		slot, once, err := ReadUBoot(part)
		if err != nil || slot > slots.B || once > slots.B {
			t.Fatalf("%v, %v, %v", slot, once, err)
		}
		if slot == slots.None {
			return
		}
		if err := WriteUBoot(part, slot, once); err != nil {
			t.Fatal(err)
		}
		if again, onceAgain, err := ReadUBoot(part); again != slot || onceAgain != once || err != nil {
			t.Fatalf("%v, %v became %v, %v: %v", slot, once, again, onceAgain, err)
		}
	})
}

// memory is a partition.
type memory []byte

func (m memory) ReadAt(b []byte, at int64) (int, error)  { return copy(b, m[at:]), nil }
func (m memory) WriteAt(b []byte, at int64) (int, error) { return copy(m[at:], b), nil }
