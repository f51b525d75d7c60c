// Package reactor tells PID 1's loop which file descriptors are ready. One
// goroutine waits for an epoll set; the loop itself does all reading and
// writing, so that the order of what it sees is its own.
//
// The goroutine does not block in epoll_wait. It has the runtime's own poller
// watch the set: a thread that sits in a system call makes the runtime's monitor
// wake every 20 µs to take its processor away, again after each event, which
// costs more than all else that PID 1 does while it starts services.
package reactor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"clarityos/init/guard"
)

// Handler is called by the loop when its descriptor is ready; events are
// epoll's (unix.EPOLLIN and others).
type Handler func(events uint32)

// Reactor is an epoll set. All methods but the internal wait belong to the
// goroutine of the loop.
type Reactor struct {
	epoll    int
	file     *os.File // of epoll, known to the runtime's poller
	handlers map[int32]Handler
	ready    chan []unix.EpollEvent
	handled  chan struct{}
}

// New makes an empty reactor and starts to wait.
func New(report guard.Report) (*Reactor, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the poller would not take it
		return nil, fmt.Errorf("epoll: %w", err)
	}
	r := &Reactor{epoll: fd, file: os.NewFile(uintptr(fd), "epoll"), handlers: map[int32]Handler{}, ready: make(chan []unix.EpollEvent), handled: make(chan struct{})}
	guard.Go("reactor", report, r.wait)
	return r, nil
}

// Add watches fd, level-triggered, for events until Remove.
func (r *Reactor) Add(fd int, events uint32, h Handler) error {
	if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll_ctl add %d: %w", fd, err)
	}
	r.handlers[int32(fd)] = h
	return nil
}

// Change watches fd for other events.
func (r *Reactor) Change(fd int, events uint32) {
	_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}) // fails only for an fd that is not watched
}

// Remove ends the watch; call it before fd is closed.
func (r *Reactor) Remove(fd int) {
	_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	delete(r.handlers, int32(fd))
}

// Ready gives what is ready; the loop passes it to Dispatch before it receives
// again.
func (r *Reactor) Ready() <-chan []unix.EpollEvent { return r.ready }

// Dispatch calls the handlers. One that was removed by an earlier handler of
// the same batch is not called any more.
func (r *Reactor) Dispatch(batch []unix.EpollEvent) {
	defer func() { r.handled <- struct{}{} }()
	for _, e := range batch {
		if h := r.handlers[e.Fd]; h != nil {
			h(e.Events)
		}
	}
}

func (r *Reactor) wait() {
	conn, err := r.file.SyscallConn()
	if err != nil {
		panic(fmt.Sprintf("epoll: %v", err))
	}
	events := make([]unix.EpollEvent, 32)
	for {
		n := 0
		err := conn.Read(func(fd uintptr) (done bool) {
			var err error
			n, err = unix.EpollWait(int(fd), events, 0)
			if err != nil && err != unix.EINTR {
				panic(fmt.Sprintf("epoll_wait: %v", err))
			}
			return n > 0
		})
		if err != nil {
			panic(fmt.Sprintf("epoll: %v", err))
		}
		r.ready <- events[:n]
		<-r.handled
	}
}
