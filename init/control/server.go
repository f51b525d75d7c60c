// Package control serves PID 1's socket. Clients are never waited for: what
// they send is bounded, what they do not read keeps them from asking more, and
// there are only so many of them. What a method does is the loop's business;
// see Handler.
package control

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"clarityos/init/reactor"
	"clarityos/services/control"
	"clarityos/services/varlink"
)

// Bounds on clients.
const (
	maxClients  = 64
	maxOutgoing = 4 << 20  // bytes of one answer
	maxQueued   = 16 << 10 // bytes of a stream that its reader has not taken yet
	backlog     = 32
)

// Handler carries out a call. It answers with c.Reply or c.Fail, at once or
// later, exactly once.
type Handler func(c *Conn, method string, args json.RawMessage)

// Server listens on one path.
type Server struct {
	reactor *reactor.Reactor
	handle  Handler
	listen  int
	spare   int // given up to accept a client when there is no descriptor left; -1: none
	conns   map[*Conn]bool
	heard   uint64 // counts what clients have done
}

// Conn is one client. Its calls are answered in order, one at a time.
type Conn struct {
	Oneway bool // the call under way wants no answer
	UID    int  // of the client, by SO_PEERCRED
	PID    int
	More   bool   // the call under way takes several replies: see Send
	Closed func() // called once when the connection ends before its answer; may be nil

	server *Server
	fd     int
	in     []byte
	out    []byte
	busy   bool   // a call is being carried out
	heard  uint64 // when it last said something, by the server's count

	watched uint32 // the events that were asked for
}

// Listen makes the socket; every user may connect.
func Listen(r *reactor.Reactor, path string, handle Handler) (*Server, error) {
	fail := func(err error) (*Server, error) { return nil, fmt.Errorf("control socket %s: %w", path, err) }
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fail(err)
	}
	_ = os.Remove(path) // of an earlier life
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return fail(err)
	}
	if err := unix.Chmod(path, 0o666); err != nil {
		return fail(err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fail(err)
	}
	s := &Server{reactor: r, handle: handle, listen: fd, spare: -1, conns: map[*Conn]bool{}}
	s.reserve()
	if err := r.Add(fd, unix.EPOLLIN, func(uint32) { s.accept() }); err != nil {
		return fail(err)
	}
	return s, nil
}

// event gives a client its turn: a piece of what it says is read, and one call
// carried out. It is read no further while it has calls waiting or does not take
// its answers; the others have their turns before its next.
func (c *Conn) event(events uint32) {
	if events&unix.EPOLLOUT != 0 {
		c.flush()
	}
	switch {
	case c.fd < 0:
	case len(c.out) > 0:
		if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			c.close() // nobody is left to take it
		}
	case c.waits():
		c.next()
	case events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR|unix.EPOLLRDHUP) != 0:
		c.read()
		c.next()
	}
	c.watch()
}

// waits says whether a call can be carried out.
func (c *Conn) waits() bool {
	_, _, ok := varlink.Split(c.in)
	return ok && !c.busy
}

// watch asks for the events that can bring the connection on. A call that waits
// for its turn has it when the socket is writable, which is at once unless the
// client has many answers to read.
func (c *Conn) watch() {
	events := uint32(unix.EPOLLIN | unix.EPOLLRDHUP)
	if c.fd >= 0 && (len(c.out) > 0 || c.waits()) {
		events = unix.EPOLLOUT
	}
	if c.fd >= 0 && events != c.watched {
		c.watched = events
		c.server.reactor.Change(c.fd, events)
	}
}

func (c *Conn) read() {
	var b [4096]byte
	n, err := unix.Read(c.fd, b[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		c.close()
		return
	}
	c.server.hear(c)
	c.in = append(c.in, b[:n]...)
	if len(c.in) > control.MaxRequest {
		c.close()
	}
}

// next begins the next complete call, if none is under way and the last answer
// has been taken.
func (c *Conn) next() {
	if c.busy || c.fd < 0 || len(c.out) > 0 {
		return
	}
	message, rest, ok := varlink.Split(c.in)
	if !ok {
		return
	}
	var call varlink.Call
	if err := json.Unmarshal(message, &call); err != nil {
		c.close() // not varlink: nothing it sends can be trusted to be framed
		return
	}
	c.in = append([]byte(nil), rest...)
	c.busy, c.Oneway, c.More = true, call.Oneway, call.More && !call.Oneway
	c.carryOut(&call)
}

// carryOut ends the connection of a call whose handler panics: it would have no
// answer, ever, and no room could be made by ending it either.
func (c *Conn) carryOut(call *varlink.Call) {
	panics := true
	defer func() {
		if panics {
			c.close()
		}
	}()
	c.server.handle(c, call.Method, call.Parameters)
	panics = false
}

// Reply answers the call under way.
func (c *Conn) Reply(parameters any) { c.answer(parameters, "") }

// Fail answers the call under way with an error and its parameters.
func (c *Conn) Fail(name string, parameters any) { c.answer(parameters, name) }

func (c *Conn) answer(parameters any, name string) {
	c.busy, c.Closed = false, nil
	if c.fd < 0 {
		return
	}
	if !c.Oneway {
		c.put(parameters, varlink.Reply{Error: name})
	}
	c.watch()
}

// Send gives a reply to the call under way, which asked for More, and leaves the
// call open. It never waits: false says that the client has not read enough of
// what it was sent, and that this reply is dropped.
func (c *Conn) Send(parameters any) bool {
	if c.fd < 0 || len(c.out) >= maxQueued {
		return false
	}
	c.put(parameters, varlink.Reply{Continues: true})
	return c.fd >= 0
}

func (c *Conn) put(parameters any, r varlink.Reply) {
	raw, err := json.Marshal(parameters)
	if err == nil {
		r.Parameters = raw
		raw, err = varlink.Encode(r)
	}
	if err != nil || len(raw) > maxOutgoing {
		c.close()
		return
	}
	c.out = append(c.out, raw...)
	c.flush()
	c.watch()
}

func (c *Conn) flush() {
	for len(c.out) > 0 {
		n, err := unix.SendmsgN(c.fd, c.out, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EAGAIN {
			return
		}
		if err != nil {
			c.close()
			return
		}
		c.out = c.out[n:]
	}
	c.out = nil
}

func (c *Conn) close() {
	if c.fd < 0 {
		return
	}
	c.server.reactor.Remove(c.fd)
	unix.Close(c.fd)
	c.fd = -1
	delete(c.server.conns, c)
	if c.Closed != nil {
		c.Closed()
		c.Closed = nil
	}
}
