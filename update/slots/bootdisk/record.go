package bootdisk

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
)

// lockWait is how long others may have the record, look how often it is looked at.
const (
	lockWait = 10 * time.Second
	look     = 20 * time.Millisecond
)

// Record is that of the slots, on its partition. Whoever has it open is the only one.
type Record struct {
	Now     *slots.Record // nil: there is none that can be read
	Problem error         // why there is none or, with one, what is wrong with the other copy

	disk *direct
	seq  uint64
}

// OpenRecord reads the record on a partition, and waits for others that have it open. It is
// to be closed, whatever there is.
func OpenRecord(device string) *Record {
	r := &Record{}
	var err error
	if r.disk, err = openDirect(device); err != nil {
		r.Problem = fmt.Errorf("the record of slots: %w", err)
		return r
	}
	if err := r.disk.lock(); err != nil {
		r.Problem = fmt.Errorf("lock the record of slots on %s: %w", device, err)
		return r
	}
	if r.Now, r.Problem = slots.Read(r.disk); r.Now != nil {
		r.seq = r.Now.Seq
	}
	return r
}

// With has the record on a partition for work. Without one that can be read it is an error.
func With(device string, work func(*Record) error) error {
	r := OpenRecord(device)
	defer r.Close()
	if r.Now == nil {
		return r.Problem
	}
	return work(r)
}

// Write makes next, unless that is nil, the record. It is on the disk then.
func (r *Record) Write(next *slots.Record) error {
	if next == nil || r.disk == nil {
		return nil
	}
	if err := slots.Write(r.disk, next, r.seq); err != nil {
		return err
	}
	r.Now, r.seq = next, next.Seq
	return nil
}

// Close lets others have the record.
func (r *Record) Close() {
	if r.disk != nil {
		_ = unix.Munmap(r.disk.buffer)
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

// lock waits, at most lockWait, until nobody else has the lock.
func (d *direct) lock() error {
	for began := time.Now(); ; time.Sleep(look) {
		err := unix.Flock(int(d.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err != unix.EWOULDBLOCK:
			return err
		case time.Since(began) > lockWait:
			return fmt.Errorf("another program has had it for %v", lockWait)
		}
	}
}

func (d *direct) ReadAt(b []byte, at int64) (int, error) {
	n, err := d.f.ReadAt(d.buffer[:len(b)], at)
	return copy(b[:n], d.buffer), err
}

func (d *direct) WriteAt(b []byte, at int64) (int, error) {
	return d.f.WriteAt(d.buffer[:copy(d.buffer, b)], at)
}
