package slots

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Offsets are where the two copies begin on their partition, in bytes: far enough from each
// other to lie in different erase blocks of flash.
var Offsets = [2]int64{0, 8 << 20}

// Disk is the partition of the record. Writes are on it once WriteAt returns.
type Disk interface {
	io.ReaderAt
	io.WriterAt
}

// Read gives the newest whole copy, as errors why the others are none; nil when there is
// none at all.
func Read(d Disk) (*Record, error) {
	newest, _, err := read(d)
	return newest, err
}

// read also says which copy is to be written next: the older one, or one that is none.
func read(d Disk) (newest *Record, next int, err error) {
	var all [2]*Record
	var errs []error
	for i, at := range Offsets {
		b := make([]byte, Size)
		if _, err := d.ReadAt(b, at); err != nil {
			errs = append(errs, fmt.Errorf("copy %d of the record of slots: %w", i, err))
			continue
		}
		if all[i], err = Decode(b); err != nil {
			errs = append(errs, fmt.Errorf("copy %d: %w", i, err))
		}
	}
	switch {
	case all[0] == nil:
		newest, next = all[1], 0
	case all[1] == nil || all[0].Seq > all[1].Seq:
		newest, next = all[0], 1
	default:
		newest, next = all[1], 0
	}
	return newest, next, errors.Join(errs...)
}

// ErrChanged is that somebody else has written the record meanwhile.
var ErrChanged = errors.New("the record of slots was changed meanwhile")

// Write puts r, whose Seq it sets, in the place of the older copy, and reads it back. The
// newest copy must be the one with sequence number after, 0 for none; else the error is
// ErrChanged and nothing is written. Whoever calls it holds the lock of all writers.
func Write(d Disk, r *Record, after uint64) error {
	newest, next, _ := read(d)
	if newest != nil && newest.Seq != after || newest == nil && after != 0 {
		return ErrChanged
	}
	r.Seq = after + 1
	file := r.Encode()
	if _, err := d.WriteAt(file, Offsets[next]); err != nil {
		return fmt.Errorf("write copy %d of the record of slots: %w", next, err)
	}
	back := make([]byte, Size)
	if _, err := d.ReadAt(back, Offsets[next]); err != nil || !bytes.Equal(back, file) {
		return fmt.Errorf("copy %d of the record of slots is not what was written: %w", next, errors.Join(err, ErrNoRecord))
	}
	return nil
}
