package images

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"clarityos/images/fat"
	"clarityos/update/loader"
	"clarityos/update/manifest"
	"clarityos/update/slots"
	"clarityos/update/verity"
)

// system is what an image is in a slot, whichever that is: its root, and its files for the
// loader.
type system struct {
	*rootFile
	boot []bootFile
}

// bootFile is one of those, without its chunks.
type bootFile struct {
	manifest.File
	data []byte
}

// system makes what the image is in any of some slots.
func (i *Image) system(ctx context.Context, work string, o DiskOptions, of ...slots.Slot) (*system, error) {
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, err
	}
	tree, err := i.tree()
	if err != nil {
		return nil, err
	}
	o.Progress.say("writing the root")
	root, err := i.writeRoot(ctx, tree, filepath.Join(work, "root"), o.Progress)
	if err != nil {
		return nil, err
	}
	if o.Key != nil {
		root.tree.Sign(o.Key)
	}
	initrd, err := i.stage1(ctx, tree, work, o)
	if err != nil {
		return nil, err
	}
	kernel, err := os.ReadFile(i.Kernel)
	if err != nil {
		return nil, err
	}
	out := &system{rootFile: root}
	if o.SecureBoot != nil {
		return out, i.unified(ctx, out, kernel, initrd, work, o, of)
	}
	options := i.options(manifest.SlotWord, manifest.StateWord, root.tree)
	out.add(manifest.File{Path: manifest.EntryPath, Text: true}, i.entry(options))
	out.add(manifest.File{Path: kernelPath}, kernel)
	out.add(manifest.File{Path: initrdPath}, initrd)
	switch i.Disk.Firmware {
	case RaspberryPi:
		err = out.forRaspberryPi(tree, options)
	case UBoot:
		out.add(manifest.File{Path: manifest.FolderPath + "boot.env", Text: true}, []byte("bootargs="+options+"\n"))
	}
	return out, err
}

// Where kernel and initramfs of a slot lie.
const (
	kernelPath = manifest.FolderPath + "vmlinuz"
	initrdPath = manifest.FolderPath + "initrd"
)

func (s *system) add(f manifest.File, data []byte) { s.boot = append(s.boot, bootFile{f, data}) }

// side is what a slot of a disk has.
type side struct {
	*rootFile
	files []fat.File
}

// side makes what the image is in a slot of the disk whose partition with the record of slots
// has the GUID state.
func (i *Image) side(ctx context.Context, s slots.Slot, state, work string, o DiskOptions) (*side, error) {
	sys, err := i.system(ctx, work, o, s)
	if err != nil {
		return nil, err
	}
	out := &side{rootFile: sys.rootFile}
	digested := map[string]io.Reader{}
	for _, f := range sys.boot {
		path, data := f.For(s, state, f.data)
		out.files = append(out.files, fat.File{Path: path, Data: data})
		digested[path] = bytes.NewReader(data)
	}
	out.Boot, err = loader.Digest(digested)
	return out, err
}

// entry is that of the Boot Loader Specification for a slot.
func (i *Image) entry(options string) []byte {
	return i.entryOf("linux      /"+kernelPath, "initrd     /"+initrdPath, "options    "+options)
}

// options is the command line of a slot's kernel. It names the disk by the GUID of the
// partition with the record of slots, state; where that is "", the loader has to know it.
func (i *Image) options(slot, state string, tree *verity.Tree) string {
	line := fmt.Sprintf("%s clarity.slot=%s clarity.root=%x", i.Cmdline, slot, tree.Root)
	if state != "" {
		line += " " + loader.StateWord + state
	}
	return line
}

// entryOf is an entry with the lines that say what is executed.
func (i *Image) entryOf(lines ...string) []byte {
	lines = append([]string{fmt.Sprintf("title      %s, slot %s", i.Name, manifest.SlotWord), "version    " + i.release()}, lines...)
	return []byte(strings.Join(lines, "\n") + "\n")
}

// release is how the image is called among others of its name.
func (i *Image) release() string { return cmp.Or(i.Version, i.ID[:12]) }
