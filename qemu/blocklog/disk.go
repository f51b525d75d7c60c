package blocklog

import (
	"fmt"
	"io"
	"strconv"
)

// Disk is the disk that a cut has left, to be read: that before the log's begin, with what the
// log has of each sector over it. Nothing is copied, so that thousands of cuts take seconds.
// It is for one goroutine.
type Disk struct {
	log     *Log
	before  io.ReaderAt
	cut     Cut
	sectors map[int64]int64 // of what is whole: where a sector's bytes are in the log
}

// On gives the disk as it was before the log's begin. Where that has no bytes, they are zeros.
func (l *Log) On(before io.ReaderAt) *Disk {
	return &Disk{log: l, before: before, sectors: map[int64]int64{}}
}

// Set makes it the disk that a cut has left. It takes time by the writes between the cut before
// and this one, or when this one is the earlier, from the log's begin.
func (d *Disk) Set(c Cut) {
	if c.Whole < d.cut.Whole {
		clear(d.sectors)
		d.cut.Whole = 0
	}
	size := d.log.sector
	for _, w := range d.log.Writes[d.cut.Whole:c.Whole] {
		for at := int64(0); w.hasData() && at < w.Size; at += size {
			d.sectors[(w.Begin+at)/size] = w.at + at
		}
	}
	d.cut = c
}

// ReadAt reads from the disk.
func (d *Disk) ReadAt(b []byte, at int64) (int, error) {
	n, err := d.before.ReadAt(b, at)
	if err != nil && err != io.EOF {
		return n, fmt.Errorf("the disk before its log: %w", err)
	}
	clear(b[n:])
	size := d.log.sector
	for done := int64(0); done < int64(len(b)); {
		s := (at + done) / size
		in := (at + done) % size
		from, has := d.sectors[s]
		run := min(size-in, int64(len(b))-done)
		for has && done+run < int64(len(b)) { // as far as the log has them one behind the other
			next, more := d.sectors[(at+done+run)/size]
			if !more || next != from+in+run {
				break
			}
			run += min(size, int64(len(b))-done-run)
		}
		if has {
			if _, err := d.log.data.ReadAt(b[done:done+run], from+in); err != nil {
				return int(done), fmt.Errorf("the log of writes: %w", err)
			}
		}
		done += run
	}
	for _, k := range d.cut.Kept {
		w := d.log.Writes[k.Write]
		from, to := max(at, w.Begin), min(at+int64(len(b)), w.Begin+k.Bytes)
		if from >= to {
			continue
		}
		if _, err := d.log.data.ReadAt(b[from-at:to-at], w.at+from-w.Begin); err != nil {
			return 0, fmt.Errorf("the log of writes: %w", err)
		}
	}
	return len(b), nil
}

// Version names the bytes that the disk has in a range: where two disks of one log have the
// same, the bytes are the same.
func (d *Disk) Version(begin, size int64) string {
	touches := func(n int, bytes int64) bool {
		w := d.log.Writes[n]
		return w.hasData() && w.Begin < begin+size && begin < w.Begin+bytes
	}
	last := d.cut.Whole - 1
	for last >= 0 && !touches(last, d.log.Writes[last].Size) {
		last--
	}
	b := strconv.AppendInt(nil, int64(last), 10)
	for _, k := range d.cut.Kept {
		if touches(k.Write, k.Bytes) {
			b = strconv.AppendInt(append(b, ' '), int64(k.Write), 10)
			b = strconv.AppendInt(append(b, ':'), k.Bytes, 10)
		}
	}
	return string(b)
}
