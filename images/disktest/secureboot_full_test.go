//go:build full

package disktest

import (
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/slots"
)

// buildSecure makes the image, and a disk with it in both slots that the tests' firmware
// trusts.
func buildSecure(t *testing.T, o images.Override) (*images.Image, string) {
	t.Helper()
	// Its passphrase is told in the package's README.Debian, and sbsign asks a terminal for it.
	const private, certificate = "/usr/share/ovmf/PkKek-1-snakeoil.key", "/usr/share/ovmf/PkKek-1-snakeoil.pem"
	dir := t.TempDir()
	secure := &images.SecureBoot{Key: filepath.Join(dir, "secure-boot"), Certificate: certificate}
	run(t, "openssl", "pkey", "-in", private, "-passin", "pass:snakeoil", "-out", secure.Key)
	if err := images.NewKey(filepath.Join(dir, "root")); err != nil {
		t.Fatal(err)
	}
	key, err := images.ReadKey(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	img := imageWith(t, o)
	path := filepath.Join(dir, "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{Second: img, Key: key, SecureBoot: secure}); err != nil {
		t.Fatal(err)
	}
	return img, path
}

// Under Secure Boot a disk that is signed boots, and a system that is new is tried.
func TestSecureBoot(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			img, path := buildSecure(t, images.Override{Arch: arch})
			whole(t, path)
			told(t, path, true, true)
			// A second disk like it is not taken for the one that was booted from.
			other := filepath.Join(t.TempDir(), "other")
			duplicate(t, path, other)
			run(t, "sgdisk", "-G", other)
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: qemu.SecureBoot,
				Extra: []string{"-drive", "if=none,id=other,format=raw,file=" + other, "-device", "virtio-blk-pci,drive=other"}})
			m.Must(limit, m.AgentReady())
			// The variable has attributes, four bytes, and a byte that is 1 when it is on.
			m.Must(limit, m.Prints("cat /sys/firmware/efi/efivars/SecureBoot-*", qemu.Has("\x06\x00\x00\x00\x01")))
			m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default", "loader: systemd-boot")))
			m.MustShell(limit, "clarityctl slots switch")
			reboot(t, m)
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made", "slot a: good\n")))
		})
	}
}

// What the firmware refuses is not executed, and left for the other slot, although the record
// has nothing against it.
func TestSecureBootRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		signed bool
		spoil  func(t *testing.T, file string)
	}{
		"a signature that does not hold": {true, func(t *testing.T, file string) { write(t, file, 1<<20, []byte("another kernel")) }},
		"no signature":                   {false, func(t *testing.T, file string) { run(t, "sbattach", "--remove", file) }},
	} {
		t.Run(name, func(t *testing.T) {
			img, path := buildSecure(t, images.Override{})
			file, program := filepath.Join(t.TempDir(), "uki"), "::clarity-b/vmlinuz"
			mtool(t, path, "mcopy", program, file)
			c.spoil(t, file)
			mtool(t, path, "mcopy", "-o", file, program)
			told(t, path, true, c.signed)
			change(t, path, func(r *slots.Record) (*slots.Record, error) {
				r.Side(slots.B).Boot = [32]byte{} // else stage 1 would not even ask for it
				return r.Try(slots.B, 2)
			})
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: qemu.SecureBoot})
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default", "slot b: bad", "latest fall-back: slot b: none of its 2 boots was good")))
			m.Must(limit, m.ConsoleLine(`clarity-b\\vmlinuz: Access denied`))
			m.MustShell(limit, "clarityctl wait --timeout 60s")
		})
	}
}

// told holds that the report on a disk tells which of slots a and b are signed.
func told(t *testing.T, path string, a, b bool) {
	t.Helper()
	_, text := report(t, path)
	words := map[bool]string{true: "unified kernel image, signed\n", false: "unified kernel image, not signed\n"}
	_, rest, first := strings.Cut(text, words[a])
	if _, _, second := strings.Cut(rest, words[b]); !first || !second {
		t.Errorf("it does not tell %v, then %v:\n%s", a, b, text)
	}
}
