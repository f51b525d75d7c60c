package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
	"clarityos/update/verity"
)

// record is that of the slots, on its partition.
type record struct {
	disk *direct
	now  *slots.Record // nil: there is none that can be read and written
	seq  uint64
}

func openRecord(device string) (*record, error) {
	r := &record{}
	d, err := openDirect(device)
	if err != nil {
		return r, fmt.Errorf("the record of slots: %w", err)
	}
	r.disk = d
	if r.now, err = slots.Read(d); r.now == nil {
		return r, err
	}
	r.seq = r.now.Seq
	return r, err // of the copy that is not whole
}

// write makes next, unless that is nil, the record.
func (r *record) write(next *slots.Record) error {
	if next == nil || r.disk == nil {
		return nil
	}
	if err := slots.Write(r.disk, next, r.seq); err != nil {
		return err
	}
	r.now, r.seq = next, next.Seq
	return nil
}

// root is the root hash of a slot: by the record or, where there is none, the loader's.
func (r *record) root(s slots.Slot, loaded verity.Hash) verity.Hash {
	if r.now != nil && r.now.Side(s).Root != (verity.Hash{}) {
		return r.now.Side(s).Root
	}
	return loaded
}

func (r *record) close() {
	if r.disk != nil {
		r.disk.f.Close()
	}
}

// direct reads and writes a partition past the cache; what is written is on the disk then.
type direct struct {
	f      *os.File
	buffer []byte // where memory may be for that
}

func openDirect(path string) (*direct, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_DIRECT|unix.O_DSYNC, 0)
	if err != nil {
		return nil, err
	}
	buffer, err := unix.Mmap(-1, 0, slots.Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mmap: %w", err), f.Close())
	}
	return &direct{f, buffer}, nil
}

func (d *direct) ReadAt(b []byte, at int64) (int, error) {
	n, err := d.f.ReadAt(d.buffer[:len(b)], at)
	return copy(b[:n], d.buffer), err
}

func (d *direct) WriteAt(b []byte, at int64) (int, error) {
	return d.f.WriteAt(d.buffer[:copy(d.buffer, b)], at)
}
