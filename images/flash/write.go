package flash

import (
	"bytes"
	"context"
	"fmt"
	"unsafe"

	"clarityos/images/sparse"
	"clarityos/update/gpt"
)

// Sizes of what is done at once, in bytes.
// firstSize is the part of a disk, in bytes, that is written last: it has the table's header.
const firstSize = 4096

const (
	chunkSize = 4 << 20
	clearSize = 16 << 20
)

// Device is what is written to. It is used by one goroutine.
type Device interface {
	ReadAt(b []byte, at int64) (int, error)
	WriteAt(b []byte, at int64) (int, error)
	// Zero makes n bytes read as zeros.
	Zero(at, n int64) error
	// Sync returns once all that was written would outlive a power cut, and what is read
	// afterwards comes from the device.
	Sync() error
}

// Step is how far the work has come.
type Step struct {
	Name        string // clearing, writing, checking
	Done, Total int64  // bytes
}

// Done is what was done to a device.
type Done struct {
	Written, Cleared, Checked int64 // bytes
	Same                      int64 // bytes that were left since they were right
}

// Differs is that a device gives other bytes than were written to it.
type Differs struct{ At int64 } // in bytes

func (e *Differs) Error() string {
	return fmt.Sprintf("at byte %d it has something else than was written there", e.At)
}

// writer is a disk on its way to a device.
type writer struct {
	*Disk
	dev       Device
	resume    bool
	say       func(Step)
	chunk     int64
	want, got []byte
	done      Done
	wiped     bool // the device has no partition table
}

// write writes the disk, in the order that package flash tells. Whatever the error, there
// is no partition table at the device's start then, unless it could not be touched at all.
func (w *writer) write(ctx context.Context) (Done, error) {
	w.want, w.got = aligned(w.chunk), aligned(w.chunk)
	err := w.wipe()
	if err == nil {
		err = w.body(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.finish()
	}
	return w.done, err
}

// wipe makes that the device has no partition table.
func (w *writer) wipe() error {
	if err := w.dev.Zero(0, gpt.HeadSize); err != nil {
		return err
	}
	if err := w.dev.Zero(w.tail, w.end-w.tail); err != nil {
		return err
	}
	if err := w.dev.Sync(); err != nil {
		return err
	}
	got := w.got[:firstSize]
	if _, err := w.dev.ReadAt(got, 0); err != nil {
		return err
	}
	err := differ(make([]byte, firstSize), got, 0)
	w.wiped = err == nil
	return err
}

// body writes and reads back all between the tables.
func (w *writer) body(ctx context.Context) error {
	holes, data := step{Step{Name: "clearing"}, w.clear, w.clearChunk()}, step{Step{Name: "writing"}, w.put, w.chunk}
	check := step{Step{Name: "checking"}, w.check, w.chunk}
	for _, p := range w.pieces() {
		if p.Data {
			data.Total += p.Len()
		} else {
			holes.Total += p.Len()
		}
		check.Total += p.Len()
	}
	for _, p := range w.pieces() {
		if !p.Data {
			if err := w.each(ctx, &holes, p.Extent); err != nil {
				return err
			}
		}
	}
	for _, p := range w.pieces() {
		if p.Data {
			if err := w.each(ctx, &data, p.Extent); err != nil {
				return err
			}
		}
	}
	if err := w.dev.Sync(); err != nil {
		return err
	}
	for _, p := range w.pieces() {
		if err := w.each(ctx, &check, p.Extent); err != nil {
			return err
		}
	}
	return nil
}

// clearChunk is how much is cleared at once: to compare it, it has to be in memory.
func (w *writer) clearChunk() int64 {
	if w.resume {
		return w.chunk
	}
	return max(clearSize, w.chunk)
}

// step is one that is done to pieces, in chunks.
type step struct {
	Step
	do    func(at, n int64) error
	chunk int64
}

func (w *writer) each(ctx context.Context, s *step, e sparse.Extent) error {
	for at := e.Start; at < e.End; at += s.chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(s.chunk, e.End-at)
		if err := s.do(at, n); err != nil {
			return err
		}
		s.Done += n
		w.say(s.Step)
	}
	return nil
}

func (w *writer) clear(at, n int64) error {
	if w.resume {
		if same, err := w.same(at, n); err != nil || same {
			return err
		}
	}
	w.done.Cleared += n
	return w.dev.Zero(at, n)
}

func (w *writer) put(at, n int64) error {
	if w.resume {
		if same, err := w.same(at, n); err != nil || same {
			return err
		}
	}
	b := w.want[:n]
	if _, err := w.ReadAt(b, at); err != nil {
		return err
	}
	w.done.Written += n
	_, err := w.dev.WriteAt(b, at)
	return err
}

// same is whether the device has there what it should. What cannot be read is not: a
// device may take it when it is written anew.
func (w *writer) same(at, n int64) (bool, error) {
	if _, err := w.ReadAt(w.want[:n], at); err != nil {
		return false, err
	}
	if _, err := w.dev.ReadAt(w.got[:n], at); err != nil || !bytes.Equal(w.want[:n], w.got[:n]) {
		return false, nil
	}
	w.done.Same += n
	return true, nil
}

func (w *writer) check(at, n int64) error {
	want, got := w.want[:n], w.got[:n]
	if _, err := w.ReadAt(want, at); err != nil {
		return err
	}
	if _, err := w.dev.ReadAt(got, at); err != nil {
		return err
	}
	w.done.Checked += n
	return differ(want, got, at)
}

func differ(want, got []byte, at int64) error {
	if bytes.Equal(want, got) {
		return nil
	}
	for i := range want {
		if want[i] != got[i] {
			return &Differs{at + int64(i)}
		}
	}
	return nil
}

// finish makes a disk of it. It is short, and not interrupted.
func (w *writer) finish() error {
	err := w.settle(w.tail, w.end)
	if err == nil {
		err = w.settle(firstSize, gpt.HeadSize)
	}
	if err == nil {
		err = w.settle(0, firstSize)
	}
	if err != nil {
		// The device may have taken the header and failed later. Whether it takes this is
		// all the same: the error is told already.
		_, _ = w.dev.WriteAt(aligned(firstSize), 0)
		_ = w.dev.Sync()
	}
	return err
}

// settle writes a part, syncs and reads it back.
func (w *writer) settle(from, to int64) error {
	for at := from; at < to; at += w.chunk {
		b := w.want[:min(w.chunk, to-at)]
		if _, err := w.ReadAt(b, at); err != nil {
			return err
		}
		w.done.Written += int64(len(b))
		if _, err := w.dev.WriteAt(b, at); err != nil {
			return err
		}
	}
	if err := w.dev.Sync(); err != nil {
		return err
	}
	for at := from; at < to; at += w.chunk {
		if err := w.check(at, min(w.chunk, to-at)); err != nil {
			return err
		}
	}
	return nil
}

// aligned makes room that begins at a page, as direct reading and writing takes.
func aligned(n int64) []byte {
	b := make([]byte, n+firstSize)
	over := int64(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % firstSize)
	return b[(firstSize-over)%firstSize:][:n:n]
}
