package flash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"clarityos/images/sparse"
	"clarityos/update/gpt"
	"clarityos/update/loader"
	"clarityos/update/slots/bootdisk"
)

// searchSize is how much of the ESP is looked through at a time, in bytes.
const searchSize = 1 << 20

// Disk is what is to be on a device, whole: the image with the changes that are laid over
// it. Beyond the image and up to the copy of its table, the device's bytes are nobody's.
type Disk struct {
	image  io.ReaderAt
	size   int64           // of the image, in bytes
	data   []sparse.Extent // of the image
	over   []change        // the later ones win
	end    int64           // of the device, in bytes, whole sectors
	tail   int64           // where the piece begins that has the copy of the table
	copyAt int64           // where that is
}

// change is what bytes are instead of the image's.
type change struct {
	at    int64
	bytes []byte
}

// Source is an image of a disk.
type Source struct {
	io.ReaderAt
	Size int64           // bytes
	Data []sparse.Extent // what are no holes
}

// NewDisk works out what is to be on a device of so many bytes. Draw gives GUIDs; with nil
// those of the image are kept.
func NewDisk(s Source, deviceSize int64, draw func() gpt.GUID) (*Disk, error) {
	if s.Size%gpt.Sector != 0 || s.Size < 2*gpt.HeadSize {
		return nil, fmt.Errorf("it has %d bytes, which no disk has", s.Size)
	}
	head := make([]byte, gpt.HeadSize)
	if _, err := s.ReadAt(head, 0); err != nil {
		return nil, err
	}
	t, err := gpt.Parse(head)
	if err != nil {
		return nil, err
	}
	if t.Sectors > uint64(s.Size/gpt.Sector) {
		return nil, fmt.Errorf("it ends at %d bytes, and its partition table says %d: it was cut off; write or fetch it again", s.Size, t.Sectors*gpt.Sector)
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	d := &Disk{image: s.ReaderAt, size: s.Size, data: s.Data, end: deviceSize / gpt.Sector * gpt.Sector}
	if d.end < s.Size {
		return nil, fmt.Errorf("it has %d bytes, and the device only %d", s.Size, d.end)
	}
	// What was the copy of the table is nothing any more.
	d.over = append(d.over, change{t.CopyAt(), make([]byte, t.CopySectors()*gpt.Sector)})
	if draw != nil {
		if err := d.rename(t, draw); err != nil {
			return nil, err
		}
	}
	t.Resize(uint64(d.end / gpt.Sector))
	d.copyAt = t.CopyAt()
	d.tail = d.copyAt / firstSize * firstSize
	d.over = append(d.over, change{0, t.MBR}, change{gpt.Sector, t.Header}, change{int64(t.From) * gpt.Sector, t.Entries}, change{d.copyAt, t.Copy()})
	return d, nil
}

// rename gives the disk and its partitions new GUIDs, and lets the boot entries know.
func (d *Disk) rename(t *gpt.Table, draw func() gpt.GUID) error {
	const keep = "; keep its GUIDs with --keep-guids"
	state, ok := t.Partition(bootdisk.State)
	esp, has := t.Partition(bootdisk.ESP)
	if !ok || !has {
		return errors.New("it has no partitions " + bootdisk.ESP + " and " + bootdisk.State + ", so what else names a GUID is not known" + keep)
	}
	at, err := findState(d.image, sparse.Extent{Start: int64(esp.First) * gpt.Sector, End: min(int64(esp.Last+1)*gpt.Sector, d.size)}, d.data, state.GUID, searchSize)
	if err != nil {
		return err
	}
	if len(at) == 0 {
		return fmt.Errorf("no boot entry on its ESP has %s%v, so it would not boot with another GUID%s", loader.StateWord, state.GUID, keep)
	}
	t.SetGUIDs(draw)
	state, _ = t.Partition(bootdisk.State)
	for _, at := range at {
		d.over = append(d.over, change{at, []byte(state.GUID.String())})
	}
	return nil
}

// ReadAt gives what is to be there; zeros beyond the image.
func (d *Disk) ReadAt(b []byte, at int64) (int, error) {
	clear(b)
	end := at + int64(len(b))
	first, _ := slices.BinarySearchFunc(d.data, at, func(e sparse.Extent, at int64) int {
		if e.End <= at {
			return -1
		}
		return 1
	})
	for _, e := range d.data[first:] {
		from, to := max(e.Start, at), min(e.End, end)
		if from >= to {
			break
		}
		if _, err := d.image.ReadAt(b[from-at:to-at], from); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("it became shorter meanwhile")
			}
			return 0, fmt.Errorf("read the image at %d: %w", from, err)
		}
	}
	for _, c := range d.over {
		if from, to := max(c.at, at), min(c.at+int64(len(c.bytes)), end); from < to {
			copy(b[from-at:], c.bytes[from-c.at:to-c.at])
		}
	}
	return len(b), nil
}

// pieces are those between the first MiB and the copy of the table.
func (d *Disk) pieces() []sparse.Piece {
	data := slices.Clone(d.data)
	for _, c := range d.over {
		if bytes.Equal(c.bytes, make([]byte, len(c.bytes))) {
			continue // those over a hole are the hole's
		}
		data = append(data, sparse.Extent{Start: c.at, End: c.at + int64(len(c.bytes))})
	}
	slices.SortFunc(data, func(a, b sparse.Extent) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	return sparse.Pieces(sparse.Extent{Start: gpt.HeadSize, End: min(d.size, d.tail)}, data, firstSize)
}
