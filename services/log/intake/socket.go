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
	// refused is when the store began to have no room, 0 while it has, in µs
	// since the kernel started; lost counts the messages dropped since.
	refused uint64
	lost    int
}

// refusedFor is how long messages wait in the socket for a full disk to have
// room again, in µs. Then they are dropped: syslog(3) blocks its caller when the
// socket is full.
const refusedFor = 5_000_000

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

// work stores what has come and takes it. How many messages were suppressed is
// stored at the end: what a component that is killed before has counted in this
// turn is lost, but not more.
func (s *socket) work(store *log.Store, rules *rules, buf []byte) (urgent bool, err error) {
	marks := map[string]log.Record{}
	defer func() {
		for _, m := range marks {
			err = errors.Join(err, store.Append(m))
		}
	}()
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
			p := rules.policy(r.Unit)
			r.Fields = append(r.Fields, p.fields...)
			after, v := rules.ledgers[r.Unit].judge(r.MonotonicUS, r.Priority, p)
			if v == kept {
				urgent = urgent || r.Priority <= log.Error
				err = s.store(store, r)
			}
			if err == nil {
				rules.ledgers[r.Unit] = after
			}
			if v == suppressed {
				marks[r.Unit] = after.mark(r.Unit)
			}
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

// store appends a message, or drops it if the disk has been full for long.
func (s *socket) store(store *log.Store, r log.Record) error {
	records := []log.Record{r}
	if s.lost > 0 {
		records = []log.Record{{RealtimeUS: r.RealtimeUS, MonotonicUS: r.MonotonicUS, Identifier: "clarityd", Priority: log.Warning,
			Message: fmt.Sprintf("%d messages to the socket %s were lost, since the disk had no room for the log", s.lost, s.name)}, r}
	}
	err := store.Append(records...)
	switch {
	case err == nil:
		s.refused, s.lost = 0, 0
	case !errors.Is(err, log.ErrFull):
	case s.refused == 0:
		s.refused = r.MonotonicUS
	case r.MonotonicUS-s.refused >= refusedFor:
		s.lost++
		return nil
	}
	return err
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
