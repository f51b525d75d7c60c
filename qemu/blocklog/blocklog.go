// Package blocklog reads what QEMU's blklogwrites driver has logged of a disk, in the format
// of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst),
// and makes of it the disk that a cut of power after any write would have left.
package blocklog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	magic   = 0x6a736677736872
	version = 1

	// flagDiscard is of an entry without data; the others say what was flushed.
	flagDiscard = 1 << 2
)

// Write is one that has come to the disk. Begin and Size are in bytes.
type Write struct {
	Begin, Size int64
	Discard     bool // what was there is gone, and no data is behind it

	at int64 // of its data in the log
}

// Log is what was written to a disk.
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
		w := Write{Begin: begin * l.sector, Size: sectors * l.sector, Discard: flags&flagDiscard != 0, at: at}
		if sectors == 0 && flags == 0 {
			return l, nil // behind the last one there may be zeros
		}
		l.Writes = append(l.Writes, w)
		if !w.Discard {
			at += w.Size
		}
	}
}

// Replay writes the first n writes to a disk, and half of the last sector of the next one
// when torn says so.
func (l *Log) Replay(disk *os.File, n int, torn bool) error {
	for _, w := range l.Writes[:n] {
		if err := l.replay(disk, w, w.Size); err != nil {
			return err
		}
	}
	if torn && n < len(l.Writes) && !l.Writes[n].Discard && l.Writes[n].Size > 0 {
		return l.replay(disk, l.Writes[n], l.Writes[n].Size-l.sector/2)
	}
	return nil
}

func (l *Log) replay(disk *os.File, w Write, size int64) error {
	if w.Discard {
		return nil // what is discarded may be kept
	}
	if _, err := io.Copy(io.NewOffsetWriter(disk, w.Begin), io.NewSectionReader(l.data, w.at, size)); err != nil {
		return fmt.Errorf("replay %d bytes at %d: %w", size, w.Begin, err)
	}
	return nil
}
