package convert

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images/disk"
)

// newDisk writes a raw disk of 10 MiB, most of which is a hole.
func newDisk(t *testing.T) string {
	t.Helper()
	placed, size, err := disk.Place("a disk", []disk.Partition{
		{Name: "esp", Type: disk.ESP, Size: 4 << 20, Fill: func(w io.WriterAt) error {
			r := rand.NewChaCha8([32]byte{1})
			_, err := io.CopyN(io.NewOffsetWriter(w, 123456), r, 700001)
			return err
		}},
		{Name: "clarity-var", Type: disk.Var, Size: 4 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk: one.raw") // a name that qemu-img could misread
	if err := disk.Write(path, "a disk", placed, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is converted back is the disk again, to the byte, and nothing else is left.
func TestConvert(t *testing.T) {
	from := newDisk(t)
	want, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, back := range map[string][]string{
		".qcow2":   {"qemu-img", "convert", "-f", "qcow2", "-O", "raw"},
		".vhd":     {"qemu-img", "convert", "-f", "vpc", "-O", "raw"},
		".raw.zst": {"zstd", "-q", "-d", "-o"},
	} {
		t.Run(suffix, func(t *testing.T) {
			dir := t.TempDir()
			out, raw := filepath.Join(dir, "out"+suffix), filepath.Join(dir, "back")
			if err := Convert(t.Context(), from, out, false); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(out)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() >= int64(len(want))/2 {
				t.Errorf("it takes %d bytes, of a disk of %d that is mostly empty", info.Size(), len(want))
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("the folder has %v", entries)
			}
			last := []string{out, raw}
			if suffix == ".raw.zst" {
				last = []string{raw, out}
			}
			if text, err := exec.Command(back[0], append(back[1:], last...)...).CombinedOutput(); err != nil {
				t.Fatalf("convert it back: %v\n%s", err, text)
			}
			if got, err := os.ReadFile(raw); err != nil || !bytes.Equal(got, want) {
				t.Errorf("it came back as %d bytes, other than the %d: %v", len(got), len(want), err)
			}
			if err := Convert(t.Context(), from, out, false); !errors.Is(err, ErrThere) {
				t.Errorf("a second time: %v", err)
			}
			if err := Convert(t.Context(), from, out, true); err != nil {
				t.Errorf("a second time, by force: %v", err)
			}
		})
	}
}

func TestPackedAlike(t *testing.T) {
	from, dir := newDisk(t), t.TempDir()
	var all [][]byte
	for _, name := range []string{"a.raw.zst", "b.raw.zst"} {
		if err := Convert(t.Context(), from, filepath.Join(dir, name), false); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("the same disk is packed in two ways")
	}
}

func TestRefused(t *testing.T) {
	from, dir := newDisk(t), t.TempDir()
	text := filepath.Join(dir, "text.raw")
	if err := os.WriteFile(text, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "same.vhd")
	if err := os.Symlink(from, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.vhd"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, why string }{
		{from, "out.vmdk", "let its name end with .qcow2, .vhd or .raw.zst"},
		{from, ".vhd", "let its name end with"},
		{from, "out.raw", "let its name end with"},
		{text, "out.vhd", "no GUID partition table"},
		{filepath.Join(dir, "none"), "out.vhd", "no such file"},
		{dir, "out.vhd", "is no regular file"},
		{from, "same.vhd", "is the disk itself"},
		{from, "folder.vhd", "is no regular file"},
		{from, "none/out.vhd", "no such file"},
	} {
		err := Convert(t.Context(), c.from, filepath.Join(dir, c.to), true)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s to %s: %v, and not %q", c.from, c.to, err, c.why)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, suffix := range []string{".qcow2", ".raw.zst"} {
		if err := Convert(ctx, from, filepath.Join(dir, "cut"+suffix), false); err == nil || !strings.Contains(err.Error(), "was interrupted") {
			t.Errorf("interrupted: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*cut*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.vhd")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	t.Setenv("PATH", dir)
	if err := Convert(t.Context(), from, filepath.Join(dir, "out.vhd"), false); err == nil || !strings.Contains(err.Error(), "install qemu-utils") {
		t.Errorf("without qemu-img: %v", err)
	}
}
