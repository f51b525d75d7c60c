// Package logs is PID 1's side of the log: it holds the pipes that services
// write to and the sockets that others log through, and passes them to the log
// component, whichever process that is at the moment. It never writes to a
// disk and never waits for the component.
//
// The protocol is described in services/log. Everything here belongs to the
// goroutine of the loop, but for NewPipe.
package logs

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"clarityos/init/reactor"
)

// Bounds of what waits for the component.
const (
	maxQueue = 512      // packets of PID 1's own lines
	maxEnded = 256      // streams of ended invocations that nobody has read to their end
	maxPipe  = 48 << 10 // bytes in a pipe without a reader, before they are drained
)

// Stream is the log pipe of one invocation.
type Stream struct {
	ID         string `json:"id"`
	Unit       string `json:"unit"`
	Invocation string `json:"invocation"`
	Identifier string `json:"identifier"`
	// What the unit says about its log, as services/log/intake reads it: of
	// the rate, 0 stands for the machine's and below 0 there is no limit.
	RateIntervalUS int64    `json:"rate_interval_us,omitempty"`
	RateBurst      int      `json:"rate_burst,omitempty"`
	LevelMax       *int     `json:"level_max,omitempty"` // priorities, 0 to 7
	Level          *int     `json:"level,omitempty"`
	NoPrefix       bool     `json:"no_prefix,omitempty"`
	Fields         []string `json:"fields,omitempty"` // NAME=value
	Console        bool     `json:"console,omitempty"`

	read  int
	write int // -1 once the invocation has ended
	lost  int // bytes drained for want of a reader
}

// Record is a line of PID 1's own.
type Record struct {
	Unit      string `json:"unit,omitempty"`
	Priority  int    `json:"priority"`
	Message   string `json:"message"`
	Monotonic int64  `json:"monotonic_us"`
	Realtime  int64  `json:"realtime_us"`
}

// packet is what goes to the component; one of its fields is set.
type packet struct {
	Record *Record `json:"record,omitempty"`
	Stream *Stream `json:"stream,omitempty"`
	Socket string  `json:"socket,omitempty"`
	Lost   *lost   `json:"lost,omitempty"`
	Move   string  `json:"move,omitempty"`
}

type lost struct {
	ID    string `json:"id"`
	Bytes int    `json:"bytes"`
}

type queued struct {
	text []byte
	fd   int // -1: none
}

// Log is the whole of it. Use New.
type Log struct {
	reactor *reactor.Reactor
	link    int  // PID 1's end of the link
	far     int  // the component's end: one after the other gets it, so that what is on its way waits for the next
	full    bool // the link takes no more at the moment
	streams map[string]*Stream
	sockets []socket
	queue   []queued
	dropped int
	move    string
	stored  []func() // see Stored
}

type socket struct {
	name string
	fd   int
}

// New opens the sockets that outlive the component: /dev/log, journald's native
// socket and the kernel's log. One that cannot be had is left out and told.
func New(r *reactor.Reactor) (*Log, []error) {
	l, err := open(r)
	if err != nil {
		return nil, []error{fmt.Errorf("log link: %w", err)}
	}
	var errs []error
	add := func(name string, fd int, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("log socket %s: %w", name, err))
			return
		}
		l.sockets = append(l.sockets, socket{name, fd})
	}
	if err := os.MkdirAll("/run/systemd/journal", 0o755); err != nil {
		errs = append(errs, err)
	}
	fd, err := datagram("/run/systemd/journal/dev-log")
	if err == nil {
		_ = os.Remove("/dev/log")
		err = os.Symlink("/run/systemd/journal/dev-log", "/dev/log")
	}
	add("syslog", fd, err)
	fd, err = datagram("/run/systemd/journal/socket")
	add("journal", fd, err)
	fd, err = unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	add("kmsg", fd, err)
	return l, errs
}

// open makes the link alone.
func open(r *reactor.Reactor) (*Log, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	l := &Log{reactor: r, link: pair[0], far: pair[1], streams: map[string]*Stream{}}
	return l, r.Add(l.link, unix.EPOLLIN, l.event)
}

func datagram(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	for _, opt := range []int{unix.SO_PASSCRED, unix.SO_TIMESTAMPNS} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt, 1)
		}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) // room for what comes while no component reads
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err == nil {
		err = unix.Chmod(path, 0o666)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// NewPipe makes the pipe of an invocation, owned by the service's user so that
// it can be opened again as /dev/stdout.
func NewPipe(uid, gid int) (read, write int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, fmt.Errorf("log pipe: %w", err)
	}
	if uid > 0 {
		_ = unix.Fchown(p[1], uid, max(gid, 0)) // only needed for /dev/stdout
	}
	return p[0], p[1], nil
}

// Add takes over both ends of a pipe.
func (l *Log) Add(s *Stream, read, write int) {
	s.read, s.write = read, write
	l.streams[s.ID] = s
	if len(l.streams) > maxEnded {
		l.forgetEnded()
	}
	l.send(packet{Stream: s}, read)
}

// forget closes what is left of a stream.
func (l *Log) forget(s *Stream) {
	l.EndStream(s.ID)
	l.queue = slices.DeleteFunc(l.queue, func(q queued) bool { return q.fd == s.read })
	unix.Close(s.read)
	delete(l.streams, s.ID)
	l.tellStored()
}

// Stored calls do once when the component has stored all that ended invocations
// said; that may be now.
func (l *Log) Stored(do func()) {
	l.stored = append(l.stored, do)
	l.tellStored()
}

func (l *Log) tellStored() {
	for _, s := range l.streams {
		if s.write < 0 {
			return
		}
	}
	told := l.stored
	l.stored = nil
	for _, do := range told {
		do()
	}
}

// forgetEnded gives up the streams of ended invocations when there are too many
// of them: a service that starts again and again must not use up PID 1's
// descriptors while no component reads.
func (l *Log) forgetEnded() {
	var ended []*Stream
	for _, s := range l.streams {
		if s.write < 0 {
			ended = append(ended, s)
		}
	}
	if len(ended) <= maxEnded {
		return
	}
	for _, s := range ended {
		l.forget(s)
	}
	l.Record(Record{Priority: 4, Message: fmt.Sprintf("the output of %d ended processes was lost, since no log component read it", len(ended))})
}

// EndStream closes PID 1's own writing end, so that the reader sees the end once
// every process of the invocation has closed its own.
func (l *Log) EndStream(id string) {
	if s := l.streams[id]; s != nil && s.write >= 0 {
		unix.Close(s.write)
		s.write = -1
	}
}

// Record adds a line of PID 1's own.
func (l *Log) Record(r Record) { l.send(packet{Record: &r}, -1) }

// Move tells the component that its store belongs to dir from now on.
func (l *Log) Move(dir string) {
	l.move = dir
	l.send(packet{Move: dir}, -1)
}

// Connect tells a component that is about to start all that there is, and gives
// its end of the link, to be passed on and not closed. It may hear of a stream
// twice, since what its predecessor did not read is still on its way.
func (l *Log) Connect() int {
	l.queue = slices.DeleteFunc(l.queue, func(q queued) bool { return q.fd >= 0 }) // they follow
	for _, s := range l.sockets {
		l.send(packet{Socket: s.name}, s.fd)
	}
	if l.move != "" {
		l.send(packet{Move: l.move}, -1)
	}
	for _, s := range l.streams {
		l.send(packet{Stream: s}, s.read)
		if s.lost > 0 {
			l.send(packet{Lost: &lost{s.ID, s.lost}}, -1)
			s.lost = 0
		}
	}
	if l.dropped > 0 {
		l.Record(Record{Priority: 4, Message: fmt.Sprintf("%d lines of PID 1 were lost while no log component read", l.dropped)})
		l.dropped = 0
	}
	return l.far
}

func (l *Log) send(p packet, fd int) {
	text, err := json.Marshal(p)
	if err != nil {
		return // a packet has nothing that JSON cannot hold
	}
	if len(l.queue) >= maxQueue && fd < 0 {
		l.dropped++
		return
	}
	l.queue = append(l.queue, queued{text, fd})
	l.flush()
}

// flush sends what the link takes.
func (l *Log) flush() {
	for len(l.queue) > 0 && !l.full {
		q := l.queue[0]
		var rights []byte
		if q.fd >= 0 {
			rights = unix.UnixRights(q.fd)
		}
		err := unix.Sendmsg(l.link, q.text, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case unix.EAGAIN:
			l.full = true
			l.reactor.Change(l.link, unix.EPOLLIN|unix.EPOLLOUT)
			return
		}
		// Any other error is about this packet, such as a stream that has been
		// forgotten meanwhile.
		l.queue = l.queue[1:]
	}
	if len(l.queue) == 0 {
		l.queue = nil
	}
}

// event acts on what the component says.
func (l *Log) event(events uint32) {
	if events&unix.EPOLLOUT != 0 {
		l.full = false
		l.reactor.Change(l.link, unix.EPOLLIN)
		l.flush()
	}
	b := make([]byte, 1024)
	for range 64 {
		n, _, _, _, err := unix.Recvmsg(l.link, b, nil, unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		var m struct {
			Done string `json:"done"`
		}
		if json.Unmarshal(b[:n], &m) != nil {
			continue
		}
		if s := l.streams[m.Done]; s != nil {
			l.forget(s)
		}
	}
}

// Drain empties pipes that nobody reads and that are nearly full, so that no
// service blocks on its log; the bytes are counted. The loop calls it when there
// has been no component for long.
func (l *Log) Drain() {
	for _, s := range l.streams {
		n, err := unix.IoctlGetInt(s.read, unix.TIOCINQ)
		if err != nil || n < maxPipe {
			continue
		}
		b := make([]byte, maxPipe)
		if n, err := unix.Read(s.read, b); err == nil {
			s.lost += n
		}
	}
}
