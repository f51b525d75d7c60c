package images

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"clarityos/images/disk"
	"clarityos/images/fat"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/verity"
)

// Sizes of a disk's partitions, in bytes.
const (
	espSize   = 512 << 20
	stateSize = 16 << 20
	// rootSpare is what a slot has more than the root that comes with it, in parts of four.
	rootSpare = 1
	// bootSuite is the suite whose systemd-boot is taken.
	bootSuite = "trixie"
)

// firmware is what differs between architectures' removable-media paths (UEFI 3.5.1.1).
var firmware = map[string]struct{ loader, stub, path string }{
	"amd64": {"systemd-bootx64.efi", "linuxx64.efi.stub", "EFI/BOOT/BOOTX64.EFI"},
	"arm64": {"systemd-bootaa64.efi", "linuxaa64.efi.stub", "EFI/BOOT/BOOTAA64.EFI"},
}

// stage1Modules are loaded before the disk is looked for. The watchdog goes on when another
// kernel is started.
var stage1Modules = []string{"watchdog stop_on_reboot=0", "erofs", "dm_mod", "dm_verity", "overlay", "efivarfs"}

// DiskOptions are choices that are not part of the image.
type DiskOptions struct {
	Second *Image             // what slot B has; nil: nothing
	Key    ed25519.PrivateKey // it signs the roots, and the disk boots no others; nil: they are not signed
	// SecureBoot signs what firmware executes, with Key for what comes after it; nil: that is not signed.
	SecureBoot *SecureBoot
	Progress   Progress
}

// WriteDisk writes the image to a new file as a disk that firmware boots: its root in slot
// A, under verity, and in slot B another one or room for it.
func (i *Image) WriteDisk(ctx context.Context, path string, o DiskOptions) error {
	work, err := os.MkdirTemp("", "clarity-disk-")
	if err == nil {
		defer os.RemoveAll(work)
		err = i.writeDisk(ctx, path, work, o)
	}
	if err != nil {
		return fmt.Errorf("write %s as a disk: %w", i.Dir, err)
	}
	return nil
}

func (i *Image) writeDisk(ctx context.Context, path, work string, o DiskOptions) error {
	if by := cmp.Or(i.Disk.Firmware, UEFI); o.SecureBoot != nil && by != UEFI {
		return fmt.Errorf("the disk is for firmware %s, which has no Secure Boot of UEFI", by)
	}
	if o.SecureBoot != nil && o.Key == nil {
		return errors.New("for Secure Boot the roots have to be signed too, or one that was swapped would be booted; give --key (`clarity key FILE` makes one)")
	}
	boots, err := i.firmwareFiles(ctx, work, o)
	if err != nil {
		return err
	}
	esp := &fat.FileSystem{Size: cmp.Or(int64(i.Disk.ESP), espSize), Label: "ESP", Serial: uint32(i.Epoch), Time: time.Unix(i.Epoch, 0), Files: boots}
	sides := map[slots.Slot]*side{}
	for s, img := range map[slots.Slot]*Image{slots.A: i, slots.B: o.Second} {
		if img == nil {
			continue
		}
		if img.Arch != i.Arch {
			return fmt.Errorf("slot %v cannot have %s: it is for %s, and slot %v is for %s", s, img.Dir, img.Arch, s.Other(), i.Arch)
		}
		if sides[s], err = img.side(ctx, s, disk.GUID(i.ID, bootdisk.State), filepath.Join(work, s.String()), o); err != nil {
			return err
		}
		esp.Files = append(esp.Files, sides[s].files...)
	}
	slices.SortFunc(esp.Files, func(a, b fat.File) int { return cmp.Compare(a.Path, b.Path) })
	parts, err := i.partitions(esp, sides)
	if err != nil {
		return err
	}
	o.Progress.say("writing the disk")
	placed, size, err := disk.Place(i.ID, parts)
	if err != nil {
		return err
	}
	return disk.Write(path, i.ID, placed, size)
}

// systemdBoot fetches an EFI program of systemd-boot.
func (i *Image) systemdBoot(ctx context.Context, name string, progress Progress) ([]byte, error) {
	packages, _, err := Unpack(ctx, bootSuite, i.Arch, []string{"systemd-boot-efi"}, progress)
	if err != nil {
		return nil, err
	}
	path := "usr/lib/systemd/boot/efi/" + name
	e := packages.Get(path)
	if e == nil {
		return nil, fmt.Errorf("systemd-boot-efi of %s has no /%s", bootSuite, path)
	}
	return e.Bytes()
}

// firmwareFiles are those of the loader's partition that are no slot's.
func (i *Image) firmwareFiles(ctx context.Context, work string, o DiskOptions) ([]fat.File, error) {
	switch i.Disk.Firmware {
	case RaspberryPi:
		return i.raspberryPi(ctx, o.Progress)
	case UBoot:
		return i.uBoot(), nil
	}
	o.Progress.say("fetching systemd-boot")
	boot, err := i.systemdBoot(ctx, firmware[i.Arch].loader, o.Progress)
	if err == nil && o.SecureBoot != nil {
		boot, err = o.SecureBoot.sign(ctx, boot, work)
	}
	if err != nil {
		return nil, err
	}
	return []fat.File{
		{Path: firmware[i.Arch].path, Data: boot},
		{Path: "loader/loader.conf", Data: []byte("timeout 0\ndefault " + loader.Entry(slots.A) + ".conf\n")},
	}, nil
}

// mbrType is what an MBR calls the loader's partition (FAT32, by sectors) where firmware looks
// there: up to model 3 a Raspberry Pi does.
var mbrType = map[string]byte{RaspberryPi: 0x0c}

// partitions are those of the disk.
func (i *Image) partitions(esp *fat.FileSystem, sides map[slots.Slot]*side) ([]disk.Partition, error) {
	var most int64
	rec := &slots.Record{Default: slots.A}
	for s, side := range sides {
		most = max(most, side.size)
		*rec.Side(s) = side.Side
	}
	slot := cmp.Or(int64(i.Disk.Slot)/verity.Block*verity.Block, (most+most*rootSpare/4)/verity.Block*verity.Block)
	if slot < most {
		return nil, fmt.Errorf("the root takes %d KiB, and a slot has %d; say slot = \"%dM\" or more in [disk]", most>>10, slot>>10, (most+1<<20-1)>>20)
	}
	tree := verity.Size(uint64(slot / verity.Block))
	parts := []disk.Partition{
		{Name: bootdisk.ESP, Type: disk.ESP, Size: esp.Size, MBR: mbrType[i.Disk.Firmware], Fill: esp.WriteTo},
		{Name: bootdisk.State, Type: disk.State, Size: stateSize, Fill: func(w io.WriterAt) error {
			for n, at := range slots.Offsets {
				rec.Seq = uint64(n + 1)
				if _, err := w.WriteAt(rec.Encode(), at); err != nil {
					return err
				}
			}
			if i.Disk.Firmware == UBoot {
				return loader.WriteUBoot(w, slots.A, slots.None)
			}
			return nil
		}},
	}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		root := disk.Partition{Name: bootdisk.Root + "-" + s.String(), Type: disk.Root[i.Arch], Size: slot}
		hashes := disk.Partition{Name: bootdisk.Verity + "-" + s.String(), Type: disk.Verity[i.Arch], Size: tree}
		if side := sides[s]; side != nil {
			root.Fill, hashes.Fill = side.copyTo, side.treeTo
		}
		parts = append(parts, root, hashes)
	}
	if i.Data {
		parts = append(parts, disk.Partition{Name: bootdisk.Var, Type: disk.Var, Size: int64(i.DataSize)})
	}
	return parts, nil
}

// tree unpacks the image's archive.
func (i *Image) tree() (*Tree, error) {
	t := NewTree()
	err := i.Walk(func(f File, r io.Reader) error {
		e := Entry{Mode: f.Mode, UID: f.UID, GID: f.GID, Link: f.Link, Part: "image", Rank: RankDefinition}
		switch {
		case strings.HasPrefix(f.Path, "/dev/"):
			return nil // the kernel's own file system is mounted over it
		case f.Mode.IsRegular():
			var err error
			if e.Data, err = io.ReadAll(r); err != nil {
				return err
			}
		}
		t.Remove(strings.TrimPrefix(f.Path, "/")) // what was baked is behind the image's own
		return t.Put(f.Path, e)
	})
	return t, err
}

// rootFile is a root file system, whole blocks, and its hash tree.
type rootFile struct {
	path string
	size int64
	tree *verity.Tree
	slots.Side
}

func (i *Image) writeRoot(ctx context.Context, t *Tree, path string, progress Progress) (*rootFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if i.Disk.Compress {
		err = t.WriteErofsLZ4(ctx, path, i.Epoch, disk.GUID(i.ID, bootdisk.Root), filepath.Dir(path), progress)
	} else {
		err = t.WriteErofs(f, i.Epoch)
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if over := size % verity.Block; over > 0 {
		size += verity.Block - over
		if err := f.Truncate(size); err != nil {
			return nil, err
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	id := sha256.Sum256([]byte(i.ID))
	tree, err := verity.Make(f, id[:], [16]byte(id[16:]))
	if err != nil {
		return nil, err
	}
	return &rootFile{path, size, tree, slots.Side{State: slots.Good, Root: tree.Root, Version: i.release(), Security: i.security()}}, nil
}

func (r *rootFile) copyTo(w io.WriterAt) error {
	f, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.NewOffsetWriter(w, 0), f)
	return err
}

func (r *rootFile) treeTo(w io.WriterAt) error {
	_, err := r.tree.WriteTo(io.NewOffsetWriter(w, 0))
	return err
}

// stage1 builds the initramfs that finds the root.
func (i *Image) stage1(ctx context.Context, from *Tree, work string, o DiskOptions) ([]byte, error) {
	source, err := findSource(".")
	if err != nil {
		return nil, err
	}
	o.Progress.say("building ./init/stage1")
	program := filepath.Join(work, "stage1")
	if err := goBuild(ctx, source, "./init/stage1", i.Arch, program, OwnFlags); err != nil {
		return nil, err
	}
	t := NewTree()
	err = errors.Join(t.Put("init", Entry{Mode: 0o755, Source: program, Part: "stage 1", Rank: RankOwn}),
		t.Symlink("stage 1", RankOwn, "usr/sbin/modprobe", "/init"), // what the kernel calls for a module that it lacks
		t.File("stage 1", RankOwn, "etc/clarity/stage1.modules", 0o644, []byte(strings.Join(stage1Modules, "\n")+"\n")))
	if o.Key != nil {
		err = errors.Join(err, t.File("stage 1", RankOwn, "etc/clarity/root.keys", 0o644, trusted(o.Key)))
	}
	for _, p := range from.Paths() {
		if strings.HasPrefix(p, "usr/lib/modules/") {
			err = errors.Join(err, t.Put(p, *from.Get(p)))
		}
	}
	if err != nil {
		return nil, err
	}
	return compress(t, i.Epoch, zstd.SpeedBetterCompression)
}
