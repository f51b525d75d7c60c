package intake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxSpool bounds what waits in a spool while the store takes nothing. Beyond
// it the pipe is left to fill.
const maxSpool = 1 << 20

// spool holds what was taken from a pipe and is not in the store yet. The
// offsets in it are those of the stream.
type spool struct {
	file *os.File
	size int64 // taken from the pipe so far
}

// openSpool opens or makes the spool of a stream that is stored up to an
// offset.
func openSpool(dir, id string, stored int64) (*spool, error) {
	if id == "" || filepath.Base(id) != id || id[0] == '.' {
		return nil, fmt.Errorf("stream id %q is no file name", id)
	}
	file, err := os.OpenFile(filepath.Join(dir, id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &spool{file, info.Size()}
	if s.size < stored { // it was removed with all of it stored
		if err := file.Truncate(stored); err != nil {
			file.Close()
			return nil, fmt.Errorf("spool: %w", err)
		}
		s.size = stored
	}
	return s, nil
}

// fill moves what the pipe holds to the end of the file. It returns 0 at the
// end of the stream, and unix.EAGAIN if there is nothing now.
func (s *spool) fill(pipe int, most int) (int, error) {
	at := s.size
	n, err := unix.Splice(pipe, nil, int(s.file.Fd()), &at, most, unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if err != nil {
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return 0, unix.EAGAIN
		}
		return 0, fmt.Errorf("splice into %s: %w", s.file.Name(), err)
	}
	s.size += n
	return int(n), nil
}

// read returns bytes from an offset on.
func (s *spool) read(buf []byte, at int64) ([]byte, error) {
	n, err := s.file.ReadAt(buf[:min(int64(len(buf)), s.size-at)], at)
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	return buf[:n], nil
}

// punch gives the memory of what stands before an offset back.
func (s *spool) punch(to int64) {
	// What stays costs memory, nothing else.
	_ = unix.Fallocate(int(s.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, to)
}

// release punches whole pages only, so that begin finds where they end, and
// returns that offset.
func (s *spool) release(to int64) int64 {
	to -= to % int64(os.Getpagesize())
	s.punch(to)
	return to
}

// begin returns where data begins at or behind an offset: what stands between
// was released without being stored.
func (s *spool) begin(stored int64) int64 {
	at, err := unix.Seek(int(s.file.Fd()), stored, unix.SEEK_DATA)
	if err != nil { // there is none
		return stored
	}
	return at
}

// remove is called when all of it is stored.
func (s *spool) remove() {
	os.Remove(s.file.Name())
	s.file.Close()
}
