package install

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"clarityos/update/manifest"
)

const (
	// window is how much is written before it is read back, in bytes: enough for a disk to be
	// at work, and little of the memory that an updater may have.
	window = 8 << 20
	// behind is how many windows may wait to be read back.
	behind = 1
)

// disk is a file that is written from its begin to its end, but where it has the right bytes
// already. What is written is read back from the disk while more is unpacked and written.
type disk struct {
	*os.File
	at      int64      // in front of that all is written
	windows chan int64 // their ends; nil: nothing more is read back beside writing
	ended   chan struct{}
	err     error     // why no more is read back, once ended is closed
	read    int64     // in front of that all is read back; the reader's, until it has ended
	sum     hash.Hash // of that
}

// onDisk has a file written and read back; it is the disk's from here on.
func onDisk(f *os.File) *disk {
	d := &disk{File: f, windows: make(chan int64, behind), ended: make(chan struct{}), sum: sha256.New()}
	go func(windows <-chan int64) {
		defer close(d.ended)
		for end := range windows {
			if d.err = d.readTo(end); d.err != nil {
				return
			}
		}
	}(d.windows)
	return d
}

// WriteAt writes something that is behind all that was written before. Its error may be that of
// something before, which could not be read back.
func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	n, err := d.File.WriteAt(b, at)
	whole := d.at / window
	d.at = max(d.at, at+int64(n))
	if err != nil || d.at/window == whole {
		return n, err
	}
	select {
	case d.windows <- d.at / window * window:
		return n, nil
	case <-d.ended:
		return n, d.err
	}
}

// stop waits until nothing is read back any more, and gives why that was.
func (d *disk) stop() error {
	if d.windows != nil {
		close(d.windows)
		d.windows = nil
	}
	<-d.ended
	return d.err
}

// Close closes the file, whatever is known of it.
func (d *disk) Close() error {
	_ = d.stop() // who has not asked check does without
	return d.File.Close()
}

// check has the file be on the disk, and says whether what is read back of it is what it has to
// be. It is asked once, when all is written.
func (d *disk) check(want manifest.Blob) error {
	if err := d.stop(); err != nil {
		return err
	}
	if err := d.readTo(want.Size); err != nil {
		return err
	}
	if got := manifest.Hash(d.sum.Sum(nil)); got != want.Hash {
		return fmt.Errorf("%s, read back, is not what was written to it: the disk is not to be relied on", d.Name())
	}
	return nil
}

// readTo has the disk have all that is written, and reads on up to a byte: from the disk, and not
// from memory.
func (d *disk) readTo(end int64) error {
	if err := d.Sync(); err != nil {
		return fmt.Errorf("put %s on the disk: %w", d.Name(), err)
	}
	n := end - d.read
	if err := unix.Fadvise(int(d.Fd()), d.read, n, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("read %s back: %w", d.Name(), err)
	}
	if _, err := io.Copy(d.sum, io.NewSectionReader(d.File, d.read, n)); err != nil {
		return fmt.Errorf("read %s back: %w", d.Name(), err)
	}
	d.read = end
	return nil
}
