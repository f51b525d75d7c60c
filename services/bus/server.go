package bus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Bounds on connections. Root's are not counted against others'.
const (
	maxClients = 256
	maxOthers  = 64
)

// Server is the socket of a Broker. Each connection has a goroutine, so that one
// that does not read keeps nobody else waiting.
type Server struct {
	now func() uint64 // CLOCK_BOOTTIME, nanoseconds

	mu     sync.Mutex // of all that follows
	broker *Broker
	desk   desk
	conns  map[*conn]bool
	others int
	lines  sync.WaitGroup
}

// NewServer makes the server of a broker, which belongs to it from then on.
func NewServer(b *Broker) *Server {
	return &Server{now: boottime, broker: b, conns: map[*conn]bool{}}
}

func boottime() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // every kernel that boots this has it
	}
	return uint64(ts.Nano())
}

// Listen makes the socket at path, to which every user may connect.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of an earlier life
		return nil, fmt.Errorf("socket of the bus: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket of the bus: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("socket of the bus: %w", err)
	}
	return l, nil
}

// Publish is for the bus's own process.
func (s *Server) Publish(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.broker.Publish(m, s.now())
	return err
}

// Serve accepts connections until ctx ends, and then ends them all.
func (s *Server) Serve(ctx context.Context, l *net.UnixListener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer s.lines.Wait()
	defer s.hangUp()
	for {
		c, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
			s.hangUp() // everybody may come again; nobody is told anything otherwise
			continue
		case err != nil:
			return fmt.Errorf("socket of the bus: %w", err)
		}
		s.welcome(c)
	}
}

// welcome begins to serve a connection, if there is room for it.
func (s *Server) welcome(line *net.UnixConn) {
	cred, err := peer(line)
	if err != nil {
		line.Close()
		return
	}
	c := &conn{server: s, line: line, in: bufio.NewReaderSize(line, 4096), uid: int(cred.Uid), name: fmt.Sprintf("%s[%d]", program(cred.Pid), cred.Pid)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns)-s.others >= maxClients || c.uid != 0 && s.others >= maxOthers {
		line.Close()
		return
	}
	s.conns[c] = true
	if c.uid != 0 {
		s.others++
	}
	s.lines.Go(func() {
		c.serve()
		line.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
		if c.uid != 0 {
			s.others--
		}
	})
}

func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.line.Close()
	}
}

func peer(c *net.UnixConn) (cred *unix.Ucred, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	if e := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); e != nil {
		return nil, e
	}
	return cred, err
}

// program is what a process calls itself.
func program(pid int32) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || len(b) < 2 {
		return "?"
	}
	return string(b[:len(b)-1])
}
