package intake

import (
	"errors"
	"fmt"
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
	lost        int64 // bytes before stored that were given up, and not told of
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
	s.lost = s.spool.begin(s.stored) - s.stored
	s.stored += s.lost
	return s, unix.SetNonblock(pipe, true)
}

func (s *stream) prefixes() prefixes {
	p := prefixes{level: log.Info, none: s.NoPrefix}
	if s.Level != nil {
		p.level = min(max(*s.Level, log.Emergency), log.Debug)
	}
	return p
}

// work takes what the pipe holds and stores its lines. It reports whether the
// stream is over and stored. An error means that the store takes nothing now.
func (s *stream) work(store *log.Store, rules *rules, buf []byte, now clock) (over bool, urgent bool, err error) {
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
		lines := split(b, s.ended && s.stored+int64(len(b)) == s.spool.size, s.prefixes())
		if len(lines) == 0 {
			break
		}
		before := rules.ledgers[s.Unit]
		records, after, cut := s.records(lines, now, rules.policy(s.Unit), before)
		if s.lost > 0 {
			records = append([]log.Record{s.loss(now)}, records...)
		}
		if after.suppressed > before.suppressed {
			records = append(records, after.mark(s.Unit))
		}
		for _, r := range records {
			urgent = urgent || !r.Mark && r.Priority <= log.Error
		}
		if err := store.Append(records...); err != nil {
			if errors.Is(err, log.ErrFull) && s.spool.size-s.stored >= maxSpool {
				s.giveUp()
			}
			return false, urgent, err
		}
		if s.Console {
			toConsole(records)
		}
		s.lost = 0
		rules.ledgers[s.Unit] = after
		s.cutPriority = cut
		s.stored += lines[len(lines)-1].end
		s.spool.punch(s.stored)
	}
	return s.ended && s.stored == s.spool.size, urgent, nil
}

// giveUp drops the older half of what waits, while the disk has no room for it:
// a service must not stand still for its log.
func (s *stream) giveUp() {
	to := s.spool.release(s.spool.size - maxSpool/2)
	s.lost += to - s.stored
	s.stored, s.cutPriority = to, -1
}

// loss is the record that tells of what was given up.
func (s *stream) loss(now clock) log.Record {
	return log.Record{RealtimeUS: now.realtime, MonotonicUS: now.monotonic, Unit: s.Unit, Invocation: s.Invocation,
		Identifier: "clarityd", Priority: log.Warning,
		Message: fmt.Sprintf("%d bytes of output were lost, since the disk had no room for the log", s.lost),
		Source:  s.source(), Position: uint64(s.stored)}
}

// records makes records of lines. Of those that are not kept, the last one
// leaves a mark if nothing behind it tells how far the stream was read.
func (s *stream) records(lines []line, now clock, p policy, l ledger) (records []log.Record, _ ledger, cutPriority int) {
	cutPriority = s.cutPriority
	for i, line := range lines {
		r := log.Record{
			RealtimeUS: now.realtime, MonotonicUS: now.monotonic,
			Unit: s.Unit, Invocation: s.Invocation, Identifier: s.Identifier, PID: s.PID,
			Priority: line.priority, Cut: line.cut, Message: string(line.text), Fields: p.fields,
			Source: s.source(), Position: uint64(s.stored + line.end),
		}
		if cutPriority >= 0 {
			r.Priority = cutPriority
		} else if !line.cut {
			r = log.Structure(r)
		}
		if cutPriority = -1; line.cut {
			cutPriority = r.Priority
		}
		var v verdict
		switch l, v = l.judge(now.monotonic, r.Priority, p); {
		case v == kept:
			records = append(records, r)
		case i == len(lines)-1:
			records = append(records, log.Record{Mark: true, Source: r.Source, Position: r.Position})
		}
	}
	return records, l, cutPriority
}

// toConsole shows records to whoever looks at the console. It does not wait: what
// the device does not take is in the store.
func toConsole(records []log.Record) {
	fd, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for _, r := range records {
		if !r.Mark {
			_, _ = unix.Write(fd, []byte(log.Printable(r.Identifier+": "+r.Message)+"\r\n"))
		}
	}
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
