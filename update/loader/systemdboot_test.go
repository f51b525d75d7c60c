package loader

import (
	"os"
	"testing"

	"clarityos/update/slots"
)

func TestSystemdBoot(t *testing.T) {
	v := variables{t.TempDir()}
	l := systemdBoot{v}
	if findUEFI(v) != nil {
		t.Error("there is a loader without variables")
	}
	if err := l.set("LoaderInfo", "systemd-boot 257"); err != nil {
		t.Fatal(err)
	}
	if got := findUEFI(v); got != l {
		t.Errorf("%v was found", got)
	}
	if err := l.ArmOnce(slots.B); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(l.path("LoaderEntryOneShot", bootLoaderInterface))
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
	if err := l.set("LoaderDevicePartUUID", "aa-bb"); err != nil || l.partition() != "aa-bb" {
		t.Errorf("%q, %v", l.partition(), err)
	}
	// What is there already is not written again.
	path := l.path("LoaderEntryDefault", bootLoaderInterface)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(slots.B); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%v: it was written again", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encodeText("systemd-boot 257"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _, err := decodeText(b)
		if err != nil {
			return
		}
		if again, rest, err := decodeText(encodeText(s)); err != nil || again != s || len(rest) > 0 {
			t.Errorf("%q came back as %q, %q, %v", s, again, rest, err)
		}
	})
}
