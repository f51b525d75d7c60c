package log

import (
	"errors"
	"fmt"
	"os"
)

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
	return s.Tidy()
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
