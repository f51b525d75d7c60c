package flash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/update/gpt"
	"clarityos/update/loader"
	"clarityos/update/slots/bootdisk"
)

// loop makes a loop device of a file, which is gone after the test. These tests are of what
// only a device has; they fail where there are none.
func loop(t *testing.T, file string, args ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("loop devices take root: run these tests as root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "losetup", append(args, "--find", "--show", file)...).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup, which these tests need to work: %v\n%s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("detach %s: %v\n%s", device, err, out)
		}
	})
	return device
}

// knowsGPT is whether the kernel reads the partition table of a device by itself.
func knowsGPT(t *testing.T, device string) bool {
	t.Helper()
	text := read(t, filepath.Join("/sys/block", filepath.Base(device), filepath.Base(device)+"p1", "uevent"))
	return strings.Contains(string(text), "PARTNAME=")
}

// partitions sees to it that the kernel has those of a device, though it reads no tables
// of this kind.
func partitions(t *testing.T, device string) {
	t.Helper()
	if _, err := os.Stat(device + "p4"); err != nil {
		command(t, "partx", "--add", device)
	}
	if _, err := os.Stat(device + "p4"); err != nil {
		t.Fatal(err)
	}
}

func refuse(t *testing.T, image, device, want string, force bool) {
	t.Helper()
	o := Options{}
	o.Force = force
	if _, err := Flash(t.Context(), image, device, o); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, and not %q", device, err, want)
	}
}

func TestDevice(t *testing.T) {
	image := espImage(t)
	device := loop(t, full(t, 70<<20), "--partscan")
	if _, err := Flash(t.Context(), image, device, Options{}); err != nil {
		t.Fatal(err)
	}
	check(t, image, device)
	partitions(t, device)
	// The kernel finds the disk by what boot entries name.
	text := command(t, "mtype", "-i", device+"@@1M", "::/loader/entries/clarity-a.conf")
	_, state, _ := strings.Cut(text, loader.StateWord)
	switch found, err := bootdisk.Find(os.DirFS("/sys/block"), os.DirFS("/dev"), strings.Fields(state)[0]); {
	case errors.Is(err, bootdisk.ErrNotYet) && !knowsGPT(t, device):
		t.Log("this kernel reads no GUID partition tables (CONFIG_EFI_PARTITION): not tested is that it finds the disk by its boot entry")
	case err != nil || "/dev/"+found.Name != device:
		t.Errorf("the disk of entry\n%s\nis %v: %v", text, found, err)
	}

	part := device + "p4"
	refuse(t, image, part, "is a partition of "+filepath.Base(device), false)
	refuse(t, image, part, "is too small", true)
	command(t, "mkfs.ext4", "-q", part)
	point := t.TempDir()
	if err := unix.Mount(part, point, "ext4", 0, ""); err != nil {
		t.Fatalf("mount %s: %v", part, err)
	}
	t.Cleanup(func() { // before the device is detached; it is unmounted by then
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			t.Error(err)
		}
	})
	before := read(t, device)[:gpt.HeadSize]
	refuse(t, image, device, "is in use: "+filepath.Base(part)+" is mounted on "+point, false)
	refuse(t, image, part, "is a partition", false)
	if string(before) != string(read(t, device)[:gpt.HeadSize]) {
		t.Error("what was refused is written to")
	}
	// What /proc does not tell, the kernel does.
	if _, err := openTarget(device, true, true); err == nil || !strings.Contains(err.Error(), "is in use by something") {
		t.Errorf("a device with a mounted partition is opened: %v", err)
	}
	if err := unix.Unmount(point, 0); err != nil {
		t.Fatal(err)
	}
	o := Options{}
	o.Resume = true
	done, err := Flash(t.Context(), image, device, o)
	if err != nil {
		t.Fatal(err)
	}
	if done.Same == 0 || done.Cleared == 0 {
		t.Errorf("a disk whose /var was used is written by %+v", done)
	}
	check(t, image, device)

	// By force it is written to while it is in use.
	partitions(t, device)
	command(t, "mkfs.ext4", "-q", part)
	if err := unix.Mount(part, point, "ext4", 0, ""); err != nil {
		t.Fatal(err)
	}
	var said []string
	o = Options{}
	o.Force, o.Say = true, func(line string) { said = append(said, line) }
	if _, err := Flash(t.Context(), image, device, o); err != nil {
		t.Error(err)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "still has the device's old partitions") {
		t.Errorf("it said\n%s", all)
	}
	if err := unix.Unmount(point, 0); err != nil {
		t.Fatal(err)
	}
}

func TestDevicesRefused(t *testing.T) {
	image := espImage(t)
	file := full(t, 60<<20)
	fixed := loop(t, file, "--read-only")
	refuse(t, image, fixed, "is read-only", false)
	refuse(t, image, fixed, "it is read-only", true)
	refuse(t, image, file, "is what "+filepath.Base(fixed)+" is of", false)
	refuse(t, image, loop(t, full(t, 60<<20), "--sector-size", "4096"), "has sectors of 4096 bytes", true)
	refuse(t, image, loop(t, full(t, 10<<20)), "is too small", true)
	refuse(t, image, loop(t, image, "--read-only"), "is the image itself", true)

	// The disk that this runs from: it is only asked about.
	s, err := running()
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := s.nodes()
	if err != nil {
		t.Fatal(err)
	}
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		t.Fatal(err)
	}
	n := find(nodes, fmt.Sprintf("%d:%d", unix.Major(root.Dev), unix.Minor(root.Dev)))
	if n == nil {
		t.Logf("not tested on the disk of this machine: its root is on no block device, but on %d:%d", unix.Major(root.Dev), unix.Minor(root.Dev))
		return
	}
	if n.disk != "" {
		n = nodes[n.disk]
	}
	uses, err := s.uses(nodes, n, "")
	if err != nil {
		t.Fatal(err)
	}
	c := candidate{path: "/dev/" + n.name, kind: blockDevice, size: 1 << 40, sector: gpt.Sector, node: n, uses: uses}
	if err := accept(c, 1<<20, false); err == nil || !strings.Contains(err.Error(), "holds the running system") {
		t.Errorf("the disk of this machine: %v", err)
	}
}

// A device that fails under way is told, and resumed once it works: its file is on a file
// system that becomes full.
func TestFull(t *testing.T) {
	image := espImage(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2M"); err != nil {
		t.Fatalf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	device := filepath.Join(dir, "device")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(device, 60<<20); err != nil {
		t.Fatal(err)
	}
	refuse(t, image, device, "what it lies on is full", false)
	if _, err := gpt.Parse(read(t, device)); err == nil {
		t.Error("it has a partition table")
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=100M"); err != nil {
		t.Fatal(err)
	}
	o := Options{}
	o.Resume = true
	if _, err := Flash(t.Context(), image, device, o); err != nil {
		t.Fatal(err)
	}
	check(t, image, device)
}
