package log

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrFull says that the disk has no room, and that no older segment is left
// which could make some. What was to be appended was not.
var ErrFull = errors.New("no room for the log, and nothing older to drop")

// Store writes. There must be one for a folder at a time; readers need none.
// It is not safe for concurrent use.
type Store struct {
	dir    string
	boot   string
	limits Limits
	write  func(*os.File, []byte) (int, error) // replaced by tests of full disks

	number uint64 // of the live segment
	file   *os.File
	state  state
	buf    []byte
	// unsynced are sealed segments, and the folder, that may not be on the
	// disk yet; see Unsynced.
	unsynced []*os.File

	// Dropped counts segments that went before their time because the disk
	// was full, SetAside those that were found damaged, and Torn the bytes
	// that a crash left unfinished at the end.
	Dropped, SetAside int
	Torn              int64
}

// Open opens or makes the store in dir for the boot with that id, as the
// kernel writes it, and goes on where the last writer was when it ended,
// however that was.
func Open(dir, bootID string, limits Limits) (*Store, error) {
	boot, err := newBootID(bootID)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	s := &Store{dir: dir, boot: boot, limits: limits.filled(), write: (*os.File).Write}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open log in %s: %w", dir, err)
	}
	return s, nil
}

// begin seals the live segment, if there is one, and begins the next.
func (s *Store) begin() error {
	h := head{Boot: s.boot, FirstSeq: s.state.lastSeq + 1, Positions: s.state.positions}
	file, size, err := createSegment(s.dir, s.number+1, h)
	if err != nil {
		return err
	}
	if s.file != nil {
		s.state.index.Size = s.state.size
		// Without an index, readers take longer; nothing else is lost.
		_ = s.state.index.write(segmentPath(s.dir, s.number, indexSuffix))
		s.unsynced = append(s.unsynced, s.file)
	}
	// The new name is on the disk when the folder is.
	if folder, err := os.Open(s.dir); err == nil {
		s.unsynced = append(s.unsynced, folder)
	}
	s.file = file
	s.number++
	s.state = state{head: h, index: newIndex(s.boot), size: size, lastSeq: s.state.lastSeq, positions: maps.Clone(s.state.positions)}
	if s.state.positions == nil {
		s.state.positions = map[string]uint64{}
	}
	return nil
}

// LastSeq returns the number of the last record of this boot, or 0.
func (s *Store) LastSeq() uint64 { return s.state.lastSeq }

// Dir returns the store's folder.
func (s *Store) Dir() string { return s.dir }

// Position returns how far a source was read, by the records in the store.
func (s *Store) Position(source string) (uint64, bool) {
	p, ok := s.state.positions[source]
	return p, ok
}

// Positions returns all sources whose names begin with a prefix, without it,
// and how far they were read.
func (s *Store) Positions(prefix string) map[string]uint64 {
	found := map[string]uint64{}
	for source, p := range s.state.positions {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			found[name] = p
		}
	}
	return found
}

// Forget drops a source that will not be read any more.
func (s *Store) Forget(source string) { delete(s.state.positions, source) }

// Append adds records, in one write. Either all of them are in the store
// afterwards, or there is an error and none is. A record without a Seq gets
// the next one, and one without times gets the present.
func (s *Store) Append(records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	if s.limits.sealed(s.state.size, s.age()) {
		if err := s.Tidy(); err != nil {
			return err
		}
	}
	s.buf = s.buf[:0]
	ends := make([]int64, len(records))
	seq := s.state.lastSeq
	var body []byte
	for i, r := range records {
		r = r.clamped()
		switch {
		case r.Mark:
			r.Seq = seq
		case r.Seq == 0:
			r.Seq = seq + 1
		}
		seq = r.Seq
		if r.RealtimeUS == 0 {
			r.RealtimeUS = uint64(time.Now().UnixMicro())
		}
		records[i] = r
		ends[i] = int64(len(s.buf))
		body = appendRecord(body[:0], r)
		s.buf = appendFrame(s.buf, body)
	}
	if err := s.put(); err != nil {
		return err
	}
	for i, r := range records {
		s.state.add(r, s.state.size+ends[i])
	}
	s.state.size += int64(len(s.buf))
	if cap(s.buf) > 256<<10 {
		s.buf = nil
	}
	return nil
}

// put writes the buffer, and makes room for it as long as that is possible.
func (s *Store) put() error {
	for {
		_, err := s.write(s.file, s.buf)
		if err == nil {
			return nil
		}
		back := s.file.Truncate(s.state.size)
		if _, err := s.file.Seek(s.state.size, 0); err != nil || back != nil {
			return fmt.Errorf("append to log: undo a failed write: %w", errors.Join(back, err))
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			return fmt.Errorf("append to log: %w", err)
		}
		dropped, derr := s.dropOldest()
		if derr != nil {
			return fmt.Errorf("append to log: make room: %w", derr)
		}
		if !dropped {
			return fmt.Errorf("append to log in %s: %w: %w", s.dir, ErrFull, err)
		}
		s.Dropped++
	}
}

// age returns how old the first record of the live segment is.
func (s *Store) age() time.Duration {
	if len(s.state.index.Blocks) == 0 {
		return 0
	}
	return time.Since(time.UnixMicro(int64(s.state.index.Blocks[0].From)))
}

// Tidy seals the live segment if it is old or long enough, and drops what is
// beyond the limits. Append does the same when a segment is full; a store that
// nothing is written to needs a call now and then.
func (s *Store) Tidy() error {
	if s.limits.sealed(s.state.size, s.age()) {
		if err := s.begin(); err != nil && !errors.Is(err, syscall.ENOSPC) {
			return err
		}
	}
	segments, disk, err := survey(s.dir, s.boot, s.number)
	if err != nil {
		return err
	}
	for _, gone := range s.limits.excess(segments, disk) {
		if err := gone.remove(); err != nil {
			return fmt.Errorf("drop old log: %w", err)
		}
	}
	return nil
}

// dropOldest removes the oldest segment but the live one, if there is one.
func (s *Store) dropOldest() (bool, error) {
	names, err := listSegments(s.dir)
	if err != nil {
		return false, err
	}
	for _, n := range names {
		if n.number == s.number {
			continue
		}
		return true, n.remove()
	}
	return false, nil
}

// Unsynced returns all that may not be on the disk yet: sealed segments, the
// folder, and a duplicate of the live segment. The caller syncs and closes
// them, wherever it may block.
func (s *Store) Unsynced() ([]*os.File, error) {
	fd, err := unix.FcntlInt(s.file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	files := append(s.unsynced, os.NewFile(uintptr(fd), s.file.Name()))
	s.unsynced = nil
	return files, nil
}

// Close ends writing. The live segment stays as it is.
func (s *Store) Close() error {
	for _, f := range s.unsynced {
		f.Close()
	}
	return s.file.Close()
}
