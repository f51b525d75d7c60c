package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"clarityos/images/disk"
	"clarityos/images/fat"
	"clarityos/update/slots"
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
var firmware = map[string]struct{ loader, path string }{
	"amd64": {"usr/lib/systemd/boot/efi/systemd-bootx64.efi", "EFI/BOOT/BOOTX64.EFI"},
	"arm64": {"usr/lib/systemd/boot/efi/systemd-bootaa64.efi", "EFI/BOOT/BOOTAA64.EFI"},
}

// stage1Modules are loaded before the disk is looked for.
var stage1Modules = []string{"erofs", "dm_mod", "dm_verity", "overlay"}

// WriteDisk writes the image to a new file as a disk that firmware boots: its root in slot
// A, under verity, and room for another one in slot B.
func (i *Image) WriteDisk(ctx context.Context, path string, progress Progress) (err error) {
	fail := func(err error) error { return fmt.Errorf("write %s as a disk: %w", i.Dir, err) }
	work, err := os.MkdirTemp("", "clarity-disk-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(work)
	tree, err := i.tree()
	if err != nil {
		return fail(err)
	}
	progress.say("writing the root")
	root, err := i.writeRoot(tree, filepath.Join(work, "root"))
	if err != nil {
		return fail(err)
	}
	initrd, err := i.stage1(ctx, tree, work, progress)
	if err != nil {
		return fail(err)
	}
	kernel, err := os.ReadFile(i.Kernel)
	if err != nil {
		return fail(err)
	}
	efi := firmware[i.Arch]
	progress.say("fetching systemd-boot")
	packages, _, err := Unpack(ctx, bootSuite, i.Arch, []string{"systemd-boot-efi"}, progress)
	if err != nil {
		return fail(err)
	}
	loader := packages.Get(efi.loader)
	if loader == nil {
		return fail(fmt.Errorf("systemd-boot-efi of %s has no /%s", bootSuite, efi.loader))
	}
	boot, err := loader.Bytes()
	if err != nil {
		return fail(err)
	}
	esp := &fat.FileSystem{Size: espSize, Label: "ESP", Serial: uint32(i.Epoch), Time: time.Unix(i.Epoch, 0), Files: []fat.File{
		{Path: efi.path, Data: boot},
		{Path: "loader/loader.conf", Data: []byte("timeout 0\ndefault clarity-*\n")},
		{Path: "loader/entries/clarity-a.conf", Data: i.entry(slots.A, disk.GUID(i.ID, stateName), root.tree)},
		{Path: "clarity-a/vmlinuz", Data: kernel},
		{Path: "clarity-a/initrd", Data: initrd},
	}}
	progress.say("writing the disk")
	placed, size, err := disk.Place(i.ID, i.partitions(esp, root))
	if err == nil {
		err = disk.Write(path, i.ID, placed, size)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// stateName is the partition with the record of slots; varName that of /var, which has the
// label of its file system.
const (
	stateName = "clarity-state"
	varName   = "clarity-var"
)

// partitions are those of the disk.
func (i *Image) partitions(esp *fat.FileSystem, root *rootFile) []disk.Partition {
	slot := root.size + root.size*rootSpare/4
	tree := verity.Size(uint64(slot / verity.Block))
	parts := []disk.Partition{
		{Name: "esp", Type: disk.ESP, Size: esp.Size, Fill: esp.WriteTo},
		{Name: stateName, Type: disk.State, Size: stateSize, Fill: root.record},
		{Name: "root-a", Type: disk.Root[i.Arch], Size: slot, Fill: root.copyTo},
		{Name: "verity-a", Type: disk.Verity[i.Arch], Size: tree, Fill: root.treeTo},
		{Name: "root-b", Type: disk.Root[i.Arch], Size: slot},
		{Name: "verity-b", Type: disk.Verity[i.Arch], Size: tree},
	}
	if i.Data {
		parts = append(parts, disk.Partition{Name: varName, Type: disk.Var, Size: int64(i.DataSize)})
	}
	return parts
}

// entry is that of the Boot Loader Specification for a slot.
func (i *Image) entry(s slots.Slot, state string, tree *verity.Tree) []byte {
	lines := []string{
		fmt.Sprintf("title      %s, slot %v", i.Name, s),
		"version    " + i.ID[:12],
		fmt.Sprintf("linux      /clarity-%v/vmlinuz", s),
		fmt.Sprintf("initrd     /clarity-%v/initrd", s),
		fmt.Sprintf("options    %s clarity.slot=%v clarity.state=%s clarity.root=%x", i.Cmdline, s, state, tree.Root),
	}
	return []byte(strings.Join(lines, "\n") + "\n")
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
	side slots.Side
}

func (i *Image) writeRoot(t *Tree, path string) (*rootFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := t.WriteErofs(f, i.Epoch); err != nil {
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
	return &rootFile{path, size, tree, slots.Side{State: slots.Good, Root: tree.Root, Version: i.ID[:12]}}, nil
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

func (r *rootFile) record(w io.WriterAt) error {
	rec := slots.Record{Seq: 1, Default: slots.A, Sides: [2]slots.Side{r.side}}
	_, err := w.WriteAt(rec.Encode(), slots.Offsets[0])
	return err
}

// stage1 builds the initramfs that finds the root.
func (i *Image) stage1(ctx context.Context, from *Tree, work string, progress Progress) ([]byte, error) {
	source, err := findSource(".")
	if err != nil {
		return nil, err
	}
	progress.say("building ./init/stage1")
	program := filepath.Join(work, "stage1")
	if err := goBuild(ctx, source, "./init/stage1", i.Arch, program, OwnFlags); err != nil {
		return nil, err
	}
	t := NewTree()
	err = errors.Join(t.Put("init", Entry{Mode: 0o755, Source: program, Part: "stage 1", Rank: RankOwn}),
		t.File("stage 1", RankOwn, "etc/clarity/stage1.modules", 0o644, []byte(strings.Join(stage1Modules, "\n")+"\n")))
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
