package flash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/images/disk"
	"clarityos/images/fat"
	"clarityos/images/sparse"
	"clarityos/update/gpt"
	"clarityos/update/slots/bootdisk"
)

func init() { // where Debian has sgdisk, losetup and mkfs
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		panic(err)
	}
}

// espImage writes a disk with a real ESP, which has the entries of two slots, as clarity
// disk has them.
func espImage(t *testing.T) string {
	t.Helper()
	state := disk.GUID("an image", bootdisk.State)
	esp := &fat.FileSystem{Size: fat.MinSize, Label: "ESP", Time: time.Unix(1e9, 0), Files: []fat.File{
		{Path: "EFI/BOOT/BOOTX64.EFI", Data: noise(300_000, 1)},
		{Path: "clarity-a/vmlinuz", Data: noise(3_000_000, 2)},
		{Path: "loader/entries/clarity-a.conf", Data: []byte(entry("a", state))},
		{Path: "loader/entries/clarity-b.conf", Data: []byte(entry("b", state))},
	}}
	placed, size, err := disk.Place("an image", []disk.Partition{
		{Name: bootdisk.ESP, Type: disk.ESP, Size: esp.Size, Fill: esp.WriteTo},
		{Name: bootdisk.State, Type: disk.State, Size: 1 << 20},
		{Name: "root-a", Type: disk.Root["amd64"], Size: 3 << 20},
		{Name: bootdisk.Var, Type: disk.Var, Size: 8 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.raw")
	if err := disk.Write(path, "an image", placed, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// full makes a file of noise, as a device that was in use.
func full(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "device")
	if err := os.WriteFile(path, noise(size, 5), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var problems strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, problems.String())
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check is that a device is the image, by our own eyes, by sgdisk's and by mtools'.
func check(t *testing.T, image, device string) {
	t.Helper()
	b := read(t, device)
	if err := whole(read(t, image), nil, b, false); err != nil {
		t.Error(err)
	}
	if out := command(t, "sgdisk", "-v", device); !strings.Contains(out, "No problems found") ||
		len(b)%gpt.Sector == 0 && strings.Contains(strings.ToLower(out), "warning") {
		t.Errorf("sgdisk:\n%s", out)
	}
	out := command(t, "sgdisk", "-i", "2", device)
	for _, slot := range []string{"a", "b"} {
		text := command(t, "mtype", "-i", device+"@@1M", "::/loader/entries/clarity-"+slot+".conf")
		m := regexp.MustCompile(`clarity\.state=(\S+)`).FindStringSubmatch(text)
		if m == nil || !strings.Contains(out, "Partition unique GUID: "+m[1]) {
			t.Errorf("slot %s has entry\n%s\nand its partition is\n%s", slot, text, out)
		}
		if want := entry(slot, m[1]); text != want {
			t.Errorf("the entry is\n%s\nand should be\n%s", text, want)
		}
	}
}

func TestFile(t *testing.T) {
	image := espImage(t)
	size := len(read(t, image))
	for _, more := range []int{0, 512, 20 << 20, 5<<20 + 512, 12345} {
		device := full(t, size+more)
		var steps []Step
		o := Options{}
		o.Progress = func(s Step) { steps = append(steps, s) }
		if _, err := Flash(t.Context(), image, device, o); err != nil {
			t.Fatal(err)
		}
		check(t, image, device)
		names := map[string]bool{}
		for _, s := range steps {
			names[s.Name] = true
			if s.Done <= 0 || s.Done > s.Total {
				t.Errorf("a step is %+v", s)
			}
		}
		if last := steps[len(steps)-1]; len(names) != 3 || last.Done != last.Total {
			t.Errorf("the steps are %+v", steps)
		}
		o.Resume = true
		done, err := Flash(t.Context(), image, device, o)
		if err != nil {
			t.Fatal(err)
		}
		check(t, image, device)
		if done.Written > 12<<20 || done.Cleared > 0 || done.Same == 0 {
			t.Errorf("again: %+v", done)
		}
		info, err := os.Stat(device)
		if err != nil || info.Size() != int64(size+more) {
			t.Errorf("the device has other bytes: %v, %v", info, err)
		}
		// Holes of the image are holes of a file.
		var st unix.Stat_t
		if err := unix.Stat(device, &st); err != nil || st.Blocks*512 > int64(size+more)/2+int64(more) {
			t.Errorf("it takes %d KiB, %v", st.Blocks/2, err)
		}
	}
}

func TestRefused(t *testing.T) {
	image := espImage(t)
	dir := t.TempDir()
	packed := filepath.Join(dir, "disk.raw.zst")
	if err := os.WriteFile(packed, []byte("\x28\xb5\x2f\xfd and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(image, link); err != nil {
		t.Fatal(err)
	}
	small := full(t, 1<<20)
	for _, c := range []struct{ image, device, want string }{
		{image, filepath.Join(dir, "none"), "truncate -s "},
		{image, dir, "neither a block device nor a file"},
		{image, "/dev/null", "neither a block device nor a file"},
		{image, small, "is too small"},
		{image, image, "is the image itself"},
		{image, link, "is the image itself"},
		{packed, small, "zstd -d"},
		{small, image, "no disk has"},
		{dir, small, "is no regular file"},
		{filepath.Join(dir, "none"), small, "no such file"},
	} {
		for _, force := range []bool{false, true} {
			o := Options{}
			o.Force = force
			if _, err := Flash(t.Context(), c.image, c.device, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s to %s: %v, and not %q", c.image, c.device, err, c.want)
			}
		}
	}
	if !bytes.Equal(read(t, small), noise(1<<20, 5)) {
		t.Error("what was refused is written to")
	}
}

// The person leaves: it says how to go on, and that goes on.
func TestLeft(t *testing.T) {
	image := espImage(t)
	device := full(t, 60<<20)
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{}
	o.KeepGUIDs = true
	o.Progress = func(s Step) {
		if s.Name == "writing" {
			cancel()
		}
	}
	_, err := Flash(ctx, image, device, o)
	if want := fmt.Sprintf("clarity flash --resume --keep-guids %s %s writes what is missing", image, device); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, and not %q", err, want)
	}
	if _, err := gpt.Parse(read(t, device)); err == nil {
		t.Error("it has a partition table")
	}
	o = Options{}
	o.Resume = true
	if _, err := Flash(t.Context(), image, device, o); err != nil {
		t.Fatal(err)
	}
	check(t, image, device)
}

// Whichever way there is to clear and to write, it clears and writes.
func TestTarget(t *testing.T) {
	const size = 3<<20 + 100
	for name, change := range map[string]func(*target){
		"as it is":     func(*target) {},
		"no holes":     func(t *target) { t.zero = t.zero[1:] },
		"only writing": func(t *target) { t.zero = t.zero[2:] },
		"the cache":    func(t *target) { _ = t.direct.Close(); t.direct = nil; t.zero = t.zero[2:] },
		"refuses": func(t *target) {
			t.zero[0] = func(int64, int64) error { return &os.PathError{Op: "punch", Err: unix.EOPNOTSUPP} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := full(t, size)
			want := noise(size, 5)
			f, err := openTarget(path, false, true)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.direct == nil {
				t.Error("a file on this file system cannot be written past the page cache")
			} else {
				change(f)
			}
			for _, at := range []int64{0, 4096, 1 << 20, 3 << 20} {
				n := min(1<<19+at%3*7, size-at)
				if err := f.Zero(at, n); err != nil {
					t.Fatal(err)
				}
				clear(want[at : at+n])
			}
			for _, at := range []int64{8192, 100_000, 2 << 20} {
				b := aligned(40960)[:40960-at%4096]
				copy(b, noise(len(b), 6))
				if _, err := f.WriteAt(b, at); err != nil {
					t.Fatal(err)
				}
				copy(want[at:], b)
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			got := aligned(size)
			if _, err := f.ReadAt(got[:3<<20], 0); err != nil {
				t.Fatal(err)
			}
			if _, err := f.ReadAt(got[3<<20:], 3<<20); err != nil {
				t.Fatal(err)
			}
			if err := differ(want, got, 0); err != nil {
				t.Error(err)
			}
			if _, err := f.ReadAt(make([]byte, 200), size-100); err == nil {
				t.Error("it reads behind its end")
			}
		})
	}
	path := full(t, 4096)
	f, err := openTarget(path, false, true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.zero[0] = func(int64, int64) error { return unix.EIO }
	if err := f.Zero(0, 4096); !errors.Is(err, unix.EIO) {
		t.Errorf("an error that is none of a missing way: %v", err)
	}
	if data, err := sparse.Data(f.plain, 4096); err != nil || len(data) != 1 {
		t.Errorf("it has %v: %v", data, err)
	}
}
