package intake

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// stream is the pipe of one run of a unit.
type stream struct {
	Stream
	pipe        int
	spool       *spool
	stored      int64 // how far it is in the store
	cutPriority int   // of the line before, if it was cut; else -1
	ended       bool  // the pipe is at its end
}

func (s *stream) source() string { return "stream:" + s.ID }

func openStream(of Stream, pipe int, dir string, store *log.Store) (*stream, error) {
	s := &stream{Stream: of, pipe: pipe, cutPriority: -1}
	stored, _ := store.Position(s.source())
	s.stored = int64(stored)
	var err error
	if s.spool, err = openSpool(dir, of.ID, s.stored); err != nil {
		return nil, err
	}
	return s, unix.SetNonblock(pipe, true)
}

// work takes what the pipe holds and stores its lines. It reports whether the
// stream is over and stored. An error means that the store takes nothing now.
func (s *stream) work(store *log.Store, buf []byte, now clock) (over bool, urgent bool, err error) {
	if !s.ended && s.spool.size-s.stored < maxSpool {
		n, err := s.spool.fill(s.pipe, len(buf))
		switch {
		case errors.Is(err, unix.EAGAIN):
		case err != nil:
			return false, false, err
		case n == 0:
			s.ended = true
		}
	}
	for s.stored < s.spool.size {
		b, err := s.spool.read(buf, s.stored)
		if err != nil {
			return false, urgent, err
		}
		lines := split(b, s.ended && s.stored+int64(len(b)) == s.spool.size)
		if len(lines) == 0 {
			break
		}
		records := make([]log.Record, len(lines))
		for i, l := range lines {
			if s.cutPriority >= 0 {
				l.priority = s.cutPriority
			}
			if s.cutPriority = -1; l.cut {
				s.cutPriority = l.priority
			}
			urgent = urgent || l.priority <= log.Error
			records[i] = log.Record{
				RealtimeUS: now.realtime, MonotonicUS: now.monotonic,
				Unit: s.Unit, Invocation: s.Invocation, Identifier: s.Identifier, PID: s.PID,
				Priority: l.priority, Cut: l.cut, Message: string(l.text),
				Source: s.source(), Position: uint64(s.stored + l.end),
			}
		}
		if err := store.Append(records...); err != nil {
			return false, urgent, err
		}
		s.stored += lines[len(lines)-1].end
		s.spool.release(s.stored)
	}
	return s.ended && s.stored == s.spool.size, urgent, nil
}

func (s *stream) close() {
	unix.Close(s.pipe)
	s.spool.remove()
}

// clock is the time on both clocks, in µs.
type clock struct{ realtime, monotonic uint64 }

func readClock() clock {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // it cannot fail
	return clock{uint64(time.Now().UnixMicro()), uint64(ts.Nano() / 1000)}
}
