// Package blocklog reads what QEMU's blklogwrites driver has logged of a disk, in the format
// of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst),
// and makes of it the disks that a cut of power would have left.
//
// A disk with a cache may have any of the writes on its medium that came behind the latest
// flush, in whatever order they came, and of the one that it was at so many whole sectors.
//
//	blocklog.go  the log
//	cut.go       cuts of power, and which there are
//	disk.go      the disk that one leaves, to be read in place
package blocklog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	magic   = 0x6a736677736872
	version = 1

	flagFlush   = 1 << 0 // what came before is on the medium
	flagFUA     = 1 << 1 // so is what the entry itself writes
	flagDiscard = 1 << 2 // the entry has no data
)

// Write is one that the disk has taken, or a flush. Begin and Size are in bytes; of one that
// is only a flush both are 0.
type Write struct {
	Begin, Size int64
	Discard     bool // what was there need not be kept, and no data is behind it
	Flush       bool // all writes in front of it are on the medium
	FUA         bool // it is on the medium itself

	at int64 // of its data in the log
}

// hasData says whether it changes anything.
func (w Write) hasData() bool { return w.Size > 0 && !w.Discard }

// Log is what was written to a disk, in the order in which the disk has said that it has it.
type Log struct {
	Writes []Write

	sector int64
	data   io.ReaderAt
}

// Read reads a log, of which the last entry need not be whole.
func Read(log io.ReaderAt) (*Log, error) {
	head := make([]byte, 28)
	if _, err := log.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("log of writes: %w", err)
	}
	if binary.LittleEndian.Uint64(head) != magic || binary.LittleEndian.Uint64(head[8:]) != version {
		return nil, errors.New("log of writes: it does not begin as one")
	}
	l := &Log{sector: int64(binary.LittleEndian.Uint32(head[24:])), data: log}
	if l.sector < 512 || l.sector > 1<<16 {
		return nil, fmt.Errorf("log of writes: sectors of %d bytes", l.sector)
	}
	at := l.sector
	for {
		entry := make([]byte, 32)
		if _, err := log.ReadAt(entry, at); err != nil {
			return l, nil // the end
		}
		field := func(i int) int64 { return int64(binary.LittleEndian.Uint64(entry[8*i:])) }
		begin, sectors, flags := field(0), field(1), field(2)
		if begin < 0 || sectors < 0 || begin > 1<<40 || sectors > 1<<32 || flags < 0 || flags >= 1<<5 {
			return nil, fmt.Errorf("log of writes: entry %d at byte %d makes no sense", len(l.Writes), at)
		}
		at += l.sector
		w := Write{Begin: begin * l.sector, Size: sectors * l.sector, Discard: flags&flagDiscard != 0, Flush: flags&flagFlush != 0, FUA: flags&flagFUA != 0, at: at}
		if sectors == 0 && flags == 0 {
			return l, nil // behind the last one there may be zeros
		}
		l.Writes = append(l.Writes, w)
		if !w.Discard {
			at += w.Size
		}
	}
}
