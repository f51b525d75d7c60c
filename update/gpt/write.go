package gpt

import (
	"encoding/binary"
	"fmt"
	"io"
)

// align is what ends of partitions are rounded down to, in sectors.
const align = 1 << 20 / Sector

// Grow makes the table that of a disk of size bytes, not less than it is of, and has the
// partition of a name reach to the end, if it is the last one. Changed says whether anything
// is other than before.
func (t *Table) Grow(name string, size int64) (p Partition, changed bool, err error) {
	p, ok := t.Partition(name)
	if !ok {
		return p, false, fmt.Errorf("the disk has no partition %s", name)
	}
	sectors := uint64(size / Sector)
	changed = sectors != t.Sectors
	last := true
	for _, other := range t.Partitions() {
		last = last && other.Last <= p.Last
	}
	if end := (sectors-t.CopySectors())/align*align - 1; last && end > p.Last {
		p.Last, changed = end, true
		binary.LittleEndian.PutUint64(t.entry(p.Number)[40:], end)
	}
	t.Resize(sectors)
	return p, changed, nil
}

// Disk is what a table is written to.
type Disk interface {
	io.WriterAt
	Sync() error
}

// Write puts the table on the disk: the copy at its end first, which is on the disk before
// the other one is touched. Whatever write a cut of power ends, one of both is whole.
func (t *Table) Write(disk Disk) error {
	for _, step := range [][]struct {
		at    int64
		bytes []byte
	}{
		{{t.CopyAt(), t.Copy()}},
		{{int64(t.From) * Sector, t.Entries}, {Sector, t.Header}},
		{{0, t.MBR}},
	} {
		for _, w := range step {
			if _, err := disk.WriteAt(w.bytes, w.at); err != nil {
				return fmt.Errorf("write the partition table: %w", err)
			}
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("write the partition table: %w", err)
		}
	}
	return nil
}
