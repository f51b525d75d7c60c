package intake

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// errEnd says that the other end is gone.
var errEnd = errors.New("the other end has closed")

// perTurn bounds what one source may do before the others have their turn.
const perTurn = 64

// socket is a datagram socket that others log through.
type socket struct {
	name  string // syslog or journal
	fd    int
	fresh bool // nothing was taken from it yet by this process
}

func (s *socket) source() string { return "socket:" + s.name }

// datagram is what was looked at.
type datagram struct {
	body  []byte
	cut   bool   // it was longer than the room for it
	stamp uint64 // ns since 1970, by the kernel; 0 without one
	pid   int    // of the sender, by the kernel; 0 without one
	fds   []int
}

// peek looks at the next datagram. The error is unix.EAGAIN if there is none.
func (s *socket) peek(buf []byte) (datagram, error) {
	oob := make([]byte, 1024)
	n, oobn, flags, _, err := unix.Recvmsg(s.fd, buf, oob, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return datagram{}, err
	}
	d := datagram{body: buf[:n], cut: flags&unix.MSG_TRUNC != 0}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return d, nil // it came without
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch m.Header.Type {
		case unix.SCM_TIMESTAMPNS:
			if len(m.Data) >= 16 {
				d.stamp = binary.NativeEndian.Uint64(m.Data)*1e9 + binary.NativeEndian.Uint64(m.Data[8:])
			}
		case unix.SCM_CREDENTIALS:
			if cred, err := unix.ParseUnixCredentials(&m); err == nil {
				d.pid = int(cred.Pid)
			}
		case unix.SCM_RIGHTS:
			if fds, err := unix.ParseUnixRights(&m); err == nil {
				d.fds = append(d.fds, fds...)
			}
		}
	}
	return d, nil
}

// work stores what has come and takes it.
func (s *socket) work(store *log.Store, buf []byte) (urgent bool, err error) {
	for range perTurn {
		d, err := s.peek(buf)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			return urgent, nil
		}
		if err != nil {
			return urgent, fmt.Errorf("log socket %s: %w", s.name, err)
		}
		position, _ := store.Position(s.source())
		known := s.fresh && d.stamp != 0 && d.stamp == position
		if !known {
			r := s.record(d, buf)
			urgent = urgent || r.Priority <= log.Error
			err = store.Append(r)
		}
		for _, fd := range d.fds {
			unix.Close(fd)
		}
		if err != nil {
			return urgent, err
		}
		take(s.fd)
		s.fresh = false
	}
	return urgent, nil
}

// record makes a record of a datagram; what cannot be parsed is kept as text.
func (s *socket) record(d datagram, buf []byte) log.Record {
	body := d.body
	if len(body) == 0 && len(d.fds) == 1 {
		body = readSealed(d.fds[0], buf)
	}
	var r log.Record
	if s.name == "journal" {
		var err error
		if r, err = parseJournal(body); err != nil {
			r = log.Record{Priority: log.Warning, Message: string(body)}
			r.Fields = append(r.Fields, log.Field{Name: "CLARITY_ERROR", Value: err.Error()})
		}
	} else {
		r = parseSyslog(body)
	}
	now := readClock()
	r.MonotonicUS, r.RealtimeUS = now.monotonic, now.realtime
	if d.stamp != 0 {
		r.RealtimeUS = d.stamp / 1000
	}
	r.Cut = r.Cut || d.cut
	if d.pid > 0 {
		r.PID = d.pid // the kernel knows better than the sender
		r.Unit = unitOf(d.pid)
	}
	r.Source, r.Position = s.source(), d.stamp
	return r
}

// readSealed reads a memfd, which is what large messages come in. Any other
// file could block, and is refused.
func readSealed(fd int, buf []byte) []byte {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil {
		return []byte("(a message in a file that is no memfd: it was not read)")
	}
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return []byte("(a message in a memfd that cannot be read: " + err.Error() + ")")
	}
	return buf[:n]
}

// ring is the kernel's log.
type ring struct {
	fd   int
	next uint64 // the number that the next record should have
}

func openRing(fd int, store *log.Store) (*ring, error) {
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil { // to the oldest record
		return nil, fmt.Errorf("kernel log: %w", err)
	}
	r := &ring{fd: fd}
	if last, ok := store.Position("kmsg"); ok {
		r.next = last + 1
	}
	return r, nil
}

// work stores what the kernel has said.
func (r *ring) work(store *log.Store, buf []byte) error {
	var records []log.Record
	now := readClock()
	next := r.next
	for len(records) < perTurn {
		n, err := unix.Read(r.fd, buf)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EINTR):
			continue // records were overwritten; their numbers tell
		case errors.Is(err, unix.EAGAIN):
			n = 0
		case err != nil:
			return fmt.Errorf("kernel log: %w", err)
		}
		if n == 0 {
			break
		}
		rec, err := parseKmsg(buf[:n])
		if err != nil || rec.Position < next {
			continue
		}
		if age := now.monotonic - rec.MonotonicUS; now.monotonic > rec.MonotonicUS {
			rec.RealtimeUS = now.realtime - age
		} else {
			rec.RealtimeUS = now.realtime
		}
		if gap := rec.Position - next; gap > 0 && next > 0 {
			records = append(records, log.Record{RealtimeUS: rec.RealtimeUS, MonotonicUS: rec.MonotonicUS,
				Identifier: "clarityd", Priority: log.Warning, Message: fmt.Sprintf("%d records of the kernel were overwritten unread", gap)})
		}
		records = append(records, rec)
		next = rec.Position + 1
	}
	if err := store.Append(records...); err != nil {
		// Read them again: the ring still has them.
		_, serr := unix.Seek(r.fd, 0, unix.SEEK_SET)
		return errors.Join(err, serr)
	}
	r.next = next
	return nil
}
