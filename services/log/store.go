package log

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound a store. The zero value stands for the defaults.
type Limits struct {
	SegmentBytes int64 // a segment is sealed when it is this long; 4 MiB
	TotalBytes   int64 // the oldest segments go when all are longer; 64 MiB
}

func (l Limits) filled() Limits {
	if l.SegmentBytes <= 0 {
		l.SegmentBytes = 4 << 20
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = 64 << 20
	}
	l.TotalBytes = max(l.TotalBytes, 2*l.SegmentBytes)
	return l
}

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

// open finds the newest usable segment, and begins one if it is not ours.
func (s *Store) open() error {
	names, err := listSegments(s.dir)
	if err != nil {
		return err
	}
	s.state = state{head: head{Boot: s.boot, FirstSeq: 1}, positions: map[string]uint64{}}
	if len(names) > 0 {
		s.number = names[len(names)-1].number
	}
	for len(names) > 0 {
		last := names[len(names)-1]
		names = names[:len(names)-1]
		if last.bad {
			if s.inherit(last) {
				break // what is intact in it still counts
			}
			continue
		}
		usable, err := s.resume(last)
		if err != nil {
			return err
		}
		if usable {
			break
		}
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return s.trim()
}

// resume goes on in a segment, or takes over from it what it says. It reports
// false if nothing could be learnt from it.
func (s *Store) resume(name segmentName) (bool, error) {
	file, err := os.OpenFile(name.path, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	found, err := scan(file)
	if err != nil || found.damaged {
		file.Close()
		if err == nil && found.Boot == s.boot {
			s.state = found
		}
		s.SetAside++
		aside := segmentPath(s.dir, name.number, badSuffix)
		if err := os.Rename(name.path, aside); err != nil {
			return false, fmt.Errorf("set %s aside: %w", name.path, err)
		}
		_ = os.Remove(name.index()) // it may not be there
		return found.Boot == s.boot, nil
	}
	info, err := file.Stat()
	if err == nil && info.Size() > found.size {
		s.Torn = info.Size() - found.size
		err = file.Truncate(found.size)
	}
	if err == nil && found.Boot != s.boot {
		found.index.Size = found.size
		if readIndex(name.index(), found.size) == nil {
			err = found.index.write(name.index())
		}
		return true, errors.Join(err, file.Close())
	}
	if err == nil {
		_, err = file.Seek(found.size, 0)
	}
	if err != nil {
		file.Close()
		return false, fmt.Errorf("go on in %s: %w", name.path, err)
	}
	s.state = found
	s.file, s.number = file, name.number
	return true, nil
}

// inherit takes over what the intact part of a segment that was set aside says.
func (s *Store) inherit(name segmentName) bool {
	file, err := os.Open(name.path)
	if err != nil {
		return false
	}
	defer file.Close()
	found, err := scan(file)
	if err != nil || found.Boot != s.boot {
		return false
	}
	s.state = found
	return true
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
		s.file.Close()
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

// Forget drops a source that will not be read any more.
func (s *Store) Forget(source string) { delete(s.state.positions, source) }

// Append adds records, in one write. Either all of them are in the store
// afterwards, or there is an error and none is. A record without a Seq gets
// the next one, and one without times gets the present.
func (s *Store) Append(records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	if s.state.size >= s.limits.SegmentBytes {
		if err := s.begin(); err != nil && !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		if err := s.trim(); err != nil {
			return err
		}
	}
	s.buf = s.buf[:0]
	ends := make([]int64, len(records))
	seq := s.state.lastSeq
	var body []byte
	for i, r := range records {
		r = r.clamped()
		if r.Seq == 0 {
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

// trim drops the oldest segments while all are longer than the limit.
func (s *Store) trim() error {
	for {
		names, err := listSegments(s.dir)
		if err != nil {
			return err
		}
		var total int64
		for _, n := range names {
			if info, err := os.Stat(n.path); err == nil {
				total += info.Size()
			}
		}
		if total <= s.limits.TotalBytes {
			return nil
		}
		if dropped, err := s.dropOldest(); err != nil || !dropped {
			return err
		}
	}
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
		_ = os.Remove(n.index()) // it may not be there
		return true, os.Remove(n.path)
	}
	return false, nil
}

// File returns a duplicate of the live segment's descriptor, for fdatasync by
// somebody who may block.
func (s *Store) File() (*os.File, error) {
	fd, err := unix.FcntlInt(s.file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return os.NewFile(uintptr(fd), s.file.Name()), nil
}

// Close ends writing. The live segment stays as it is.
func (s *Store) Close() error { return s.file.Close() }
