//go:build full

package disktest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/update/loader"
	"clarityos/update/slots"
)

func TestBoot(t *testing.T) {
	img, path := build(t, nil)
	if err := os.Truncate(path, 2<<30); err != nil { // it has come to lie on a larger disk
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	m.Must(limit, m.Prints("cat /run/clarity/slot", qemu.Has(`"slot":"a"`, `"reason":"slot a is good"`)))
	m.Must(limit, m.Prints("cat /run/clarity/slot", qemu.HasNot("worse")))
	m.Must(limit, m.Prints("cat /proc/mounts", qemu.Has("/dev/dm-0 / erofs ro,", " /var ext4 rw,", "overlay /etc overlay rw,")))
	m.Must(limit, m.Prints("clarityctl logs -u hello", qemu.Has("hello")))
	m.Must(limit, m.Prints("df", func(text string) error {
		size := regexp.MustCompile(`(?m)^\S+ +\S+ +(\d+) .* /var *$`).FindStringSubmatch(text)
		if len(size) != 2 || len(size[1]) < len("1000000") {
			return fmt.Errorf("/var has not grown to more than 1 GiB: %s", text)
		}
		return nil
	}))
	m.MustShell(limit, "echo kept >/var/kept; echo kept >/etc/kept; echo other >/etc/hostname; sync")
	reboot(t, m)
	m.MustShell(limit, "test $(cat /var/kept) = kept -a $(cat /etc/kept) = kept -a $(cat /etc/hostname) = other && clarityctl factory-reset --etc")
	reboot(t, m)
	m.MustShell(limit, "test $(cat /var/kept) = kept -a ! -e /etc/kept -a $(cat /etc/hostname) = disktest && clarityctl factory-reset")
	reboot(t, m)
	m.MustShell(limit, "! test -e /var/kept && clarityctl wait --timeout 60s")
}

// A root that is compressed is a third smaller at least, and boots with the same modules.
func TestCompressed(t *testing.T) {
	_, plain := build(t, nil)
	img, path := build(t, image(t, "compressed.toml"), "compressed.toml")
	whole(t, path)
	was, is := rootSize(t, plain), rootSize(t, path)
	if r, text := report(t, path); !r.Roots[0].Compressed || !strings.Contains(text, "compressed, not signed") {
		t.Errorf("its report does not say that it is compressed:\n%s", text)
	}
	if is > was*2/3 {
		t.Errorf("the root has %d bytes, and %d when it is plain", is, was)
	}
	t.Logf("the root has %d bytes, and %d when it is plain", is, was)
	trial(t, path)
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default, 1 made", "slot a: good\n")))
	m.Must(limit, m.Prints("cat /proc/mounts", qemu.Has("/dev/dm-0 / erofs ro,")))
}

func rootSize(t *testing.T, path string) uint64 {
	t.Helper()
	r, err := images.InspectDisk(path)
	if err != nil || len(r.Roots) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	return r.Roots[0].Bytes
}

// Without a record the loader's slot is booted, by the hash in its entry.
func TestNoRecord(t *testing.T) {
	img, path := build(t, nil)
	for _, at := range slots.Offsets {
		overwrite(t, path, "clarity-state", at, make([]byte, slots.Size))
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("cat /run/clarity/slot", qemu.Has("there is no record of slots; slot a is what the loader has booted")))
}

// A root that is not what its hash says is not mounted. Here there is no other one.
func TestCorruptRoot(t *testing.T) {
	img, path := build(t, nil)
	overwrite(t, path, "root-a", 1024, []byte("no erofs"))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.ConsoleLine("stage 1: slot a: mount root-a as the root: .*; the machine restarts in 20s"))
}

// brokenSlot is what is wrong with a slot that is tried, and why it was left then.
type brokenSlot struct {
	overlay string // of the image in the slot
	damage  func(t *testing.T, path string)
	reason  string
}

const tries = "slot b: none of its 2 boots was good"

var altered = "slot b: " + loader.ErrAltered.Error()

var brokenSlots = map[string]brokenSlot{
	"a unit that fails":                 {"fails.toml", nil, "slot b: broken.service has failed: "},
	"a unit that turns ill":             {"ill.toml", nil, "slot b: ill.service is unhealthy: "},
	"a gate that hangs":                 {"hung.toml", nil, tries},
	"an init that ends":                 {"crashes.toml", nil, tries},
	"a kernel that panics":              {"panics.toml", nil, tries},
	"a kernel that hangs":               {"hangs.toml", nil, tries},
	"an initramfs that is none":         {"", garbled("clarity-b/initrd"), altered},
	"a kernel that is none":             {"", garbled("clarity-b/vmlinuz"), altered},
	"a boot entry that is none":         {"", garbled("loader/entries/clarity-b.conf"), altered},
	"no boot entry":                     {"", removed("loader/entries/clarity-b.conf"), altered},
	"a root that is no file system":     {"", overwritten("root-b", 1024, []byte("no erofs")), "slot b: mount root-b as the root: "},
	"a hash tree without its first one": {"", overwritten("verity-b", 0, make([]byte, 4096)), "slot b: "},
	"a root that is cut short":          {"", overwritten("root-b", 1<<20, make([]byte, 20<<20)), "slot b: "},
	"a hash that is another one":        {"", overwritten("verity-b", 4096, []byte("no hash")), "slot b: "},
}

// isLeft holds a slot that is tried to be left for the other one, with the reason.
func (c brokenSlot) isLeft(t *testing.T, o images.Override, by qemu.Firmware) {
	broken := o
	if c.overlay != "" {
		broken.Overlays = append(slices.Clone(o.Overlays), c.overlay)
	}
	img, path := buildWith(t, imageWith(t, broken), o)
	trial(t, path)
	if c.damage != nil {
		c.damage(t, path)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: by})
	m.Must(2*patience, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default", "slot b: bad", "latest fall-back: "+c.reason)))
	m.MustShell(limit, "clarityctl wait --timeout 60s")
}

func TestBroken(t *testing.T) {
	for name, c := range brokenSlots {
		t.Run(name, func(t *testing.T) { c.isLeft(t, images.Override{}, qemu.UEFI) })
	}
}

// cuts is how many cuts of power TestPowerCut boots from.
const cuts = 30

// A partition table whose first copy is gone is read from the other one.
func TestSecondTable(t *testing.T) {
	img, path := build(t, nil)
	write(t, path, 512, make([]byte, 16<<10))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default")))
}

// A machine that has a second system does not need the first one.
func TestGoodIsBroken(t *testing.T) {
	img, path := build(t, image(t))
	overwrite(t, path, "root-a", 1024, []byte("no erofs"))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "slot a: bad", "latest fall-back: slot a: mount root-a as the root: ")))
}

// A block of a good root that turns out to be corrupt when it is read, after the boot, ends
// that root: with the next boot, or at once where the definition says so.
func TestCorruptBlock(t *testing.T) {
	for word, restarts := range map[string]bool{"continue": false, "restart": true} {
		t.Run(word, func(t *testing.T) {
			const text = "not read while the machine boots\n"
			overlay := filepath.Join(t.TempDir(), "overlay.toml")
			definition := fmt.Sprintf("[disk]\ncorrupt = %q\n[[file]]\npath = \"/usr/share/unread\"\ncontent = %q\n", word, strings.Repeat(text, 1000))
			if err := os.WriteFile(overlay, []byte(definition), 0o600); err != nil {
				t.Fatal(err)
			}
			img, path := build(t, image(t), overlay)
			disk, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(disk, []byte(strings.Repeat(text, 200)))
			if at < 0 {
				t.Fatal("the file is not on the disk")
			}
			write(t, path, int64(at+4096), []byte("another"))
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
			m.Must(limit, m.AgentReady())
			m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default")))
			const bad = "latest fall-back: slot a: its root is corrupt: dm-verity has refused block "
			if restarts {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, _ = m.Shell(ctx, "cat /usr/share/unread >/dev/null") // the answer may not come
			} else {
				m.MustShell(limit, "! cat /usr/share/unread >/dev/null")
				m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: bad, runs", "slot b: good, default", bad)))
				reboot(t, m)
			}
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "slot a: bad", bad)))
		})
	}
}

// With a key the disk boots what it has signed, and nothing else.
func TestSigned(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := images.NewKey(key); err != nil {
		t.Fatal(err)
	}
	private, err := images.ReadKey(key)
	if err != nil {
		t.Fatal(err)
	}
	img := image(t)
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{Second: img, Key: private}); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, "verity-a", 520, []byte("another signature"))
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path})
	m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "slot a: bad", "latest fall-back: slot a: the root is not signed by a key that this machine trusts")))
}

func TestBuses(t *testing.T) {
	for _, bus := range []qemu.Bus{qemu.NVMe, qemu.SATA, qemu.USB, qemu.SD} {
		t.Run(string(bus), func(t *testing.T) {
			img, path := build(t, nil, "generic.toml")
			cfg := qemu.Config{Image: img, BootDisk: path, BootBus: bus, NoReboot: true}
			if bus == qemu.SD {
				if err := os.Truncate(path, 1<<30); err != nil {
					t.Fatal(err)
				}
				cfg.Extra = fromQEMU(t, path)
			}
			m := qemu.ForTest(t, cfg)
			m.Must(limit, m.AgentReady())
			m.Must(limit, m.Prints("clarityctl slots", qemu.Has("slot a: good, runs, default")))
		})
	}
}

// On arm64 the same disk is booted by UEFI and by U-Boot, which cannot be asked for a slot:
// its kernel is started by the one that U-Boot boots.
func TestARM64(t *testing.T) {
	for name, by := range map[string]qemu.Firmware{"UEFI": qemu.UEFI, "U-Boot": qemu.UBoot} {
		t.Run(name, func(t *testing.T) {
			arm := images.Override{Arch: "arm64"}
			img, path := buildWith(t, imageWith(t, arm), arm)
			trial(t, path)
			m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, BootBy: by})
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default", "slot a: good\n")))
			reboot(t, m)
			m.Must(patience, m.Prints("clarityctl slots", qemu.Has("slot b: good, runs, default")))
		})
	}
}

// fromQEMU gives the arguments by which QEMU hands a disk's first kernel to firmware that
// cannot read the disk, as OVMF of Debian 12 an SD card.
func fromQEMU(t *testing.T, path string) []string {
	t.Helper()
	dir, files := t.TempDir(), loader.Paths(slots.A)
	for _, f := range files {
		mtool(t, path, "mcopy", "-n", "::"+f, dir)
	}
	entry, err := os.ReadFile(filepath.Join(dir, filepath.Base(files[0])))
	if err != nil {
		t.Fatal(err)
	}
	_, options, _ := strings.Cut(string(entry), "\noptions")
	line, _, _ := strings.Cut(options, "\n")
	return []string{"-kernel", filepath.Join(dir, "vmlinuz"), "-initrd", filepath.Join(dir, "initrd"), "-append", strings.TrimSpace(line)}
}

func overwritten(name string, at int64, b []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) { overwrite(t, path, name, at, b) }
}

// garbled has a file of the loader's partition be what it should not.
func garbled(name string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		file := filepath.Join(t.TempDir(), "garbage")
		if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		mtool(t, path, "mcopy", "-o", file, "::"+name)
	}
}

func removed(name string) func(*testing.T, string) {
	return func(t *testing.T, path string) { mtool(t, path, "mdel", "::"+name) }
}

// mtool changes the loader's partition.
func mtool(t *testing.T, path, tool string, args ...string) {
	t.Helper()
	start, err := startOf(path, "esp")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, append([]string{"-i", path + "@@" + strconv.FormatInt(start, 10)}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", tool, args, err, out)
	}
}

// The least that boots takes little room: PID 1, the components and one static service are
// 16 MiB at most, beside the kernel's modules.
func TestMinimal(t *testing.T) {
	img, _, err := images.Build(t.Context(), "minimal.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk")
	if err := img.WriteDisk(t.Context(), path, images.DiskOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := images.InspectDisk(path)
	if err != nil || len(r.Roots) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	var modules uint64
	for _, p := range img.Parts {
		if p.Name == "modules" {
			modules = p.Bytes
		}
	}
	const most = 16 << 20
	if root := r.Roots[0].Bytes; modules == 0 || root-modules > most {
		t.Errorf("the root has %d bytes, %d of them modules", root, modules)
	} else {
		t.Logf("the root has %d bytes, %d of them modules", root, modules)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, BootDisk: path, NoReboot: true})
	m.Must(limit, m.ConsoleLine("hello from a static service"))
}

// overwrite damages a partition of a disk.
func overwrite(t *testing.T, path, name string, at int64, b []byte) {
	t.Helper()
	start, err := startOf(path, name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, start+at, b)
}

// write damages a disk.
func write(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}
