package flash

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"clarityos/images/disk"
	"clarityos/images/sparse"
	"clarityos/update/gpt"
	"clarityos/update/loader"
	"clarityos/update/slots/bootdisk"
)

// entry is what a slot's boot entry says, with a GUID.
func entry(slot, state string) string {
	return fmt.Sprintf("title demo, slot %s\noptions quiet clarity.slot=%s clarity.state=%s clarity.root=00ff\n", slot, slot, state)
}

// layout is a small disk: what is at which offset of which partition.
type layout map[string]map[int64][]byte

// smallImage writes a disk of 5 MiB with partitions of 1 MiB; two boot entries are on its
// ESP, one of them across where a part of what is searched ends.
func smallImage(t interface {
	Helper()
	Fatal(...any)
}, dir string, l layout) *os.File {
	t.Helper()
	state := disk.GUID("an image", bootdisk.State)
	fill := func(name string) func(io.WriterAt) error {
		return func(w io.WriterAt) error {
			if name == bootdisk.ESP {
				for at, text := range map[int64]string{70_000: entry("a", state), 500_000: entry("b", state), 900_000: "clarity.state=00000000-"} {
					if _, err := w.WriteAt([]byte(text), at); err != nil {
						return err
					}
				}
			}
			for at, b := range l[name] {
				if _, err := w.WriteAt(b, at); err != nil {
					return err
				}
			}
			return nil
		}
	}
	var parts []disk.Partition
	for name, kind := range map[string]string{bootdisk.ESP: disk.ESP, bootdisk.State: disk.State, "root-a": disk.Root["amd64"]} {
		parts = append(parts, disk.Partition{Name: name, Type: kind, Size: 1 << 20, Fill: fill(name)})
	}
	placed, size, err := disk.Place("an image", parts)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "image.raw")
	_ = os.Remove(path)
	if err := disk.Write(path, "an image", placed, size); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// noise is so many bytes of it.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// memory is an image in memory, with the holes that its file has.
func memory(f *os.File) (Source, []byte, error) {
	s, err := open(f)
	if err != nil {
		return s, nil, err
	}
	all := make([]byte, s.Size)
	if _, err := f.ReadAt(all, 0); err != nil {
		return s, nil, err
	}
	return Source{bytes.NewReader(all), s.Size, s.Data}, all, nil
}

// whole says in which way a device is not the image: but for the GUIDs, the place of the
// table's copy, and what was behind the image before, where that is told.
func whole(image, before, device []byte, keptGUIDs bool) error {
	was, err := gpt.Parse(image)
	if err != nil {
		return err
	}
	is, err := gpt.Parse(device)
	if err != nil {
		return fmt.Errorf("the device's start: %w", err)
	}
	end := len(device) / gpt.Sector * gpt.Sector
	if is.Sectors != uint64(end/gpt.Sector) {
		return fmt.Errorf("the table is that of %d sectors, and the device has %d", is.Sectors, end/gpt.Sector)
	}
	if !bytes.Equal(device[is.CopyAt():end], is.Copy()) {
		return fmt.Errorf("the device's end is not the copy of the table")
	}
	want := bytes.Clone(image)
	clear(want[was.CopyAt():])
	olds, news := was.Partitions(), is.Partitions()
	seen := map[gpt.GUID]bool{gpt.GUID(was.Header[56:72]): true}
	renamed := append([]gpt.Partition{{GUID: gpt.GUID(is.Header[56:72])}}, news...)
	for i, p := range olds {
		n := news[i]
		seen[p.GUID] = true
		if p.Name != n.Name || p.First != n.First || p.Last != n.Last {
			return fmt.Errorf("partition %v became %v", p, n)
		}
		if p.Name == bootdisk.State {
			want = bytes.ReplaceAll(want, []byte(loader.StateWord+p.GUID.String()), []byte(loader.StateWord+n.GUID.String()))
		}
	}
	for _, p := range renamed {
		if seen[p.GUID] != keptGUIDs {
			return fmt.Errorf("%s has GUID %v", p.Name, p.GUID)
		}
		if !keptGUIDs {
			seen[p.GUID] = true // no two are alike
		}
	}
	tail := int(is.CopyAt()) / firstSize * firstSize
	inside := min(tail, len(want))
	if err := differ(want[gpt.HeadSize:inside], device[gpt.HeadSize:inside], gpt.HeadSize); err != nil {
		return err
	}
	if before != nil && inside < tail {
		if err := differ(before[inside:tail], device[inside:tail], int64(inside)); err != nil {
			return fmt.Errorf("behind the image: %w", err)
		}
	}
	return nil
}

// with lays more over an image, and finds its holes.
func with(image []byte, l layout) (Source, []byte) {
	image = bytes.Clone(image)
	t, err := gpt.Parse(image)
	if err != nil {
		panic(err)
	}
	for name, parts := range l {
		p, _ := t.Partition(name)
		for at, b := range parts {
			copy(image[int64(p.First)*gpt.Sector+at:int64(p.Last+1)*gpt.Sector], b)
		}
	}
	s := Source{bytes.NewReader(image), int64(len(image)), nil}
	for at := 0; at < len(image); at += 4096 {
		if !bytes.Equal(image[at:at+4096], make([]byte, 4096)) {
			s.Data = append(s.Data, sparse.Extent{Start: int64(at), End: int64(at + 4096)})
		}
	}
	return s, image
}

// dense is a source without holes.
func dense(s Source) Source {
	s.Data = []sparse.Extent{{Start: 0, End: s.Size}}
	return s
}
