package loader

import (
	"os"
	"testing"

	"clarityos/update/slots"
)

func TestSystemdBoot(t *testing.T) {
	l := systemdBoot{t.TempDir()}
	if err := l.ArmOnce(slots.B); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(l.path("LoaderEntryOneShot"))
	if err != nil || string(b) != "\x07\x00\x00\x00c\x00l\x00a\x00r\x00i\x00t\x00y\x00-\x00b\x00.\x00c\x00o\x00n\x00f\x00\x00\x00" {
		t.Errorf("%q, %v", b, err)
	}
	if got, err := l.get("LoaderEntryOneShot"); got != "clarity-b.conf" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, s := range []slots.Slot{slots.A, slots.B, slots.B} {
		if err := l.Commit(s); err != nil {
			t.Fatal(err)
		}
		if got, err := l.get("LoaderEntryDefault"); got != Entry(s)+".conf" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	// What is there already is not written again.
	if err := os.Chmod(l.path("LoaderEntryDefault"), 0o444); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(l.path("LoaderEntryDefault"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(slots.B); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(l.path("LoaderEntryDefault")); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%v: it was written again", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode("systemd-boot 257"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(encode(s)); err != nil || again != s {
			t.Errorf("%q came back as %q, %v", s, again, err)
		}
	})
}
