package qemu

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestChooseAccel(t *testing.T) {
	there := func() error { return nil }
	missing := func() error { return os.ErrNotExist }
	for _, tc := range []struct {
		name   string
		asked  Accel
		wish   string
		arch   string
		count  bool
		kvm    func() error
		works  bool
		want   Accel
		probed bool
	}{
		{name: "kvm works", arch: "amd64", kvm: there, works: true, want: KVM, probed: true},
		{name: "kvm hangs", arch: "amd64", kvm: there, want: TCG, probed: true},
		{name: "no kvm", arch: "amd64", kvm: missing, works: true, want: TCG},
		{name: "other architecture", arch: "arm64", kvm: there, works: true, want: TCG},
		{name: "counting", arch: "amd64", count: true, kvm: there, works: true, want: TCG},
		{name: "wish tcg", wish: "tcg", arch: "amd64", kvm: there, works: true, want: TCG},
		{name: "wish kvm", wish: "kvm", arch: "amd64", kvm: missing, want: KVM},
		{name: "wish auto", wish: "auto", arch: "amd64", kvm: there, works: true, want: KVM, probed: true},
		{name: "asked beats wish", asked: TCG, wish: "kvm", arch: "amd64", kvm: there, want: TCG},
		{name: "kvm for another architecture", wish: "kvm", arch: "arm64", kvm: there},
		{name: "counting under kvm", asked: KVM, arch: "amd64", count: true, kvm: there},
		{name: "nonsense", wish: "yes", arch: "amd64", kvm: there},
	} {
		t.Run(tc.name, func(t *testing.T) {
			probed := false
			h := host{wish: tc.wish, arch: "amd64", openKVM: tc.kvm, probe: func() bool { probed = true; return tc.works }}
			got, err := h.choose(tc.asked, tc.arch, tc.count)
			if got != tc.want || (err != nil) != (tc.want == "") || probed != tc.probed {
				t.Errorf("got %q, %v, probed %v", got, err, probed)
			}
		})
	}
}

func TestProbeIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "kvm.json")
	asked := 0
	ask := func() bool { asked++; return true }
	never := func() bool { t.Error("asked again"); return false }
	if !remembered(path, "one", ask) || !remembered(path, "one", never) {
		t.Error("the answer was lost")
	}
	remembered(path, "two", ask) // another kernel or QEMU
	if !remembered(path, "one", never) || asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	if err := os.WriteFile(path, []byte("{broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !remembered(path, "one", ask) || asked != 3 {
		t.Error("a broken file is not replaced")
	}
}

func TestThreads(t *testing.T) {
	for version, want := range map[string]string{
		"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)": "single",
		"QEMU emulator version 8.0.5":                                    "single",
		"QEMU emulator version 8.1.0 (v8.1.0)":                           "multi",
		"QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)":            "multi",
		"": "single", "version x": "single",
	} {
		if got := threads(version); got != want {
			t.Errorf("%q: %s, want %s", version, got, want)
		}
	}
}

func TestPrepareDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "var.img")
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for _, tc := range []struct {
		ask  uint64
		want int64
	}{{10_000_000, 10_002_432}, {20 << 20, 20 << 20}, {1 << 20, 20 << 20}} {
		if err := PrepareDisk(path, tc.ask); err != nil || size() != tc.want {
			t.Errorf("asked for %d bytes: %d, %v", tc.ask, size(), err)
		}
		if err := os.WriteFile(path+"x", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := PrepareDisk(filepath.Join(path, "below"), 1); !errors.Is(err, os.ErrExist) && err == nil {
		t.Error("a file as a folder is no error")
	}
}
