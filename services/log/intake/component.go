package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

const (
	// bufferSize is the longest datagram that is kept whole, streamBuffer
	// what is moved from a pipe at a time.
	bufferSize   = 256 << 10
	streamBuffer = 64 << 10
	// syncEvery is how long a record may be in memory only, unless it is
	// urgent (Error and above).
	syncEvery = time.Second
	// stallFor is the pause after the store took nothing.
	stallFor = time.Second
	// moveEvery is the pause between tries to move the store.
	moveEvery = 10 * time.Second
)

// Config says where the component works.
type Config struct {
	Link   int    // the socket to PID 1
	Dir    string // the store, on tmpfs; the spools are in it
	BootID string // as the kernel writes it
	Limits log.Limits
}

// component is one process's work. One goroutine owns it.
type component struct {
	Config
	store   *log.Store
	epoll   int
	sources map[int32]func() error // by descriptor
	streams map[string]*stream
	buf     []byte
	fresh   bool // no record of PID 1 was taken yet

	dirty    bool // something is not synced
	urgent   bool
	lastSync time.Time
	syncing  atomic.Bool

	moveTo   string
	nextMove time.Time
}

// Run reads what PID 1 hands over until ctx or PID 1's end of the link ends.
func Run(ctx context.Context, cfg Config) error {
	spools := filepath.Join(cfg.Dir, "spool")
	if err := os.MkdirAll(spools, 0o700); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	store, err := log.Open(log.Locate(cfg.Dir), cfg.BootID, cfg.Limits)
	if err != nil {
		return err
	}
	c := &component{Config: cfg, store: store, sources: map[int32]func() error{}, streams: map[string]*stream{},
		buf: make([]byte, bufferSize), fresh: true}
	defer func() { c.store.Close() }()
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer unix.Close(c.epoll)
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer stop()
	if err := errors.Join(c.watch(wake, func() error { return ctx.Err() }), c.watch(cfg.Link, c.link)); err != nil {
		return err
	}
	c.opened()
	c.reply(Reply{Ready: true})
	for {
		err := c.turn()
		switch {
		case err == nil:
		case ctx.Err() != nil, errors.Is(err, errEnd):
			return c.lastWords()
		default:
			// The store takes nothing, or a source fails: everything
			// stays where it is until the next try.
			fmt.Fprintln(os.Stderr, "clarityd log:", err)
			pause := []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}
			_, _ = unix.Poll(pause, int(stallFor.Milliseconds()))
		}
	}
}

// opened tells what was found wrong when the store was opened.
func (c *component) opened() {
	if c.store.SetAside > 0 || c.store.Torn > 0 {
		c.say(log.Warning, fmt.Sprintf("the log was not closed in order: %d segments set aside, %d bytes of a last write dropped", c.store.SetAside, c.store.Torn))
	}
}

// say stores a line of the component's own.
func (c *component) say(priority int, message string) {
	now := readClock()
	_ = c.store.Append(log.Record{RealtimeUS: now.realtime, MonotonicUS: now.monotonic, Identifier: "clarityd",
		PID: os.Getpid(), Priority: priority, Message: message}) // else there is nobody left to tell
}

// turn waits for something to happen and handles it.
func (c *component) turn() error {
	var events [32]unix.EpollEvent
	n, err := unix.EpollWait(c.epoll, events[:], c.patience())
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait: %w", err)
	}
	for _, e := range events[:max(n, 0)] {
		work := c.sources[e.Fd]
		if work == nil {
			continue // closed in this turn
		}
		if err := work(); err != nil {
			return err
		}
		c.dirty = true
	}
	c.sync()
	return c.move()
}

// patience is how long to wait, in ms, before there is something to do anyhow.
func (c *component) patience() int {
	if c.dirty || c.moveTo != "" {
		return int(syncEvery.Milliseconds())
	}
	return -1
}

// sync has the live segment written to its disk, by a goroutine that may block.
func (c *component) sync() {
	if !c.dirty || !c.urgent && time.Since(c.lastSync) < syncEvery || !c.syncing.CompareAndSwap(false, true) {
		return
	}
	files, err := c.store.Unsynced()
	if err != nil {
		c.syncing.Store(false)
		return
	}
	c.dirty, c.urgent, c.lastSync = false, false, time.Now()
	go func() {
		syncAll(files)
		c.syncing.Store(false)
	}()
}

// syncAll writes files to their disk and closes them. A disk that fails shows
// when it is written.
func syncAll(files []*os.File) {
	for _, f := range files {
		_ = f.Sync()
		f.Close()
	}
}

func (c *component) lastWords() error {
	files, err := c.store.Unsynced()
	syncAll(files)
	return err
}

// move takes the store to where PID 1 wants it.
func (c *component) move() error {
	if c.moveTo == "" || time.Now().Before(c.nextMove) {
		return nil
	}
	if err := log.Move(c.store, c.moveTo, c.Limits); err != nil {
		if c.nextMove.IsZero() {
			c.say(log.Error, err.Error()+"; it stays in "+c.store.Dir())
		}
		c.nextMove = time.Now().Add(moveEvery)
		return nil
	}
	c.moveTo, c.nextMove = "", time.Time{}
	c.opened()
	return nil
}

func (c *component) watch(fd int, work func() error) error {
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("watch a descriptor: %w", err)
	}
	c.sources[int32(fd)] = work
	return nil
}

// reply tells PID 1 something. A link that is full means that PID 1 does not
// read; it will learn of the stream's end from the next component.
func (c *component) reply(r Reply) {
	text, err := json.Marshal(r)
	if err == nil {
		_ = unix.Send(c.Link, text, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	}
}

// link handles what PID 1 says. A packet is taken when it has been dealt with.
func (c *component) link() error {
	for range perTurn {
		p, err := peekPacket(c.Link, c.buf[:MaxPacket])
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return nil
		case errors.Is(err, errEnd), errors.Is(err, unix.ECONNRESET):
			return errEnd
		case err != nil && p.fd < 0 && errors.As(err, new(unix.Errno)):
			return err
		case err != nil:
			c.say(log.Error, err.Error())
		default:
			if err := c.obey(p); err != nil {
				return err
			}
		}
		take(c.Link)
	}
	return nil
}

// obey deals with one packet. An error leaves it where it is.
func (c *component) obey(p packet) error {
	switch {
	case p.Stream != nil:
		return c.add(*p.Stream, p.fd)
	case p.Socket != "":
		return c.addSocket(p.Socket, p.fd)
	}
	p.close()
	switch {
	case p.Record != nil:
		position, _ := c.store.Position("init")
		if c.fresh && position != 0 && p.Record.MonotonicUS == position {
			return nil // stored, but not taken, by the component before
		}
		c.urgent = c.urgent || p.Record.Priority <= log.Error
		err := c.store.Append(log.Record{RealtimeUS: p.Record.RealtimeUS, MonotonicUS: p.Record.MonotonicUS,
			Unit: p.Record.Unit, Identifier: "init", PID: 1, Priority: p.Record.Priority, Message: p.Record.Message,
			Source: "init", Position: p.Record.MonotonicUS})
		if err != nil {
			return err
		}
		c.fresh = false
	case p.Lost != nil:
		unit := ""
		if s := c.streams[p.Lost.ID]; s != nil {
			unit = s.Unit
		}
		now := readClock()
		return c.store.Append(log.Record{RealtimeUS: now.realtime, MonotonicUS: now.monotonic, Unit: unit, Identifier: "init",
			PID: 1, Priority: log.Warning, Message: fmt.Sprintf("%d bytes of output were lost while there was no log component", p.Lost.Bytes)})
	case p.Move != "":
		if filepath.IsAbs(p.Move) && p.Move != c.store.Dir() {
			c.moveTo, c.nextMove = p.Move, time.Time{}
		}
	}
	return nil
}

// add takes over a stream. One that cannot be is told and left to PID 1.
func (c *component) add(of Stream, pipe int) error {
	if pipe < 0 {
		c.say(log.Error, fmt.Sprintf("stream %s of %s came without its pipe", of.ID, of.Unit))
		return nil
	}
	if c.streams[of.ID] != nil {
		unix.Close(pipe)
		return nil
	}
	s, err := openStream(of, pipe, filepath.Join(c.Dir, "spool"), c.store)
	if err == nil {
		err = c.watch(pipe, func() error { return c.stream(s) })
	}
	if err != nil {
		unix.Close(pipe)
		c.say(log.Error, fmt.Sprintf("stream %s of %s: %v", of.ID, of.Unit, err))
		return nil
	}
	c.streams[of.ID] = s
	// What the component before took may wait for no event.
	return c.stream(s)
}

// stream does a turn of one stream, and tells PID 1 when it is over.
func (c *component) stream(s *stream) error {
	over, urgent, err := s.work(c.store, c.buf[:streamBuffer], readClock())
	c.urgent = c.urgent || urgent
	if err != nil || !over {
		return err
	}
	// Closing is not enough: PID 1 holds the same open file (epoll(7), Q6).
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, s.pipe, nil)
	delete(c.sources, int32(s.pipe))
	delete(c.streams, s.ID)
	s.close() // before PID 1 forgets it: the other way round, its spool would stay
	c.reply(Reply{Done: s.ID})
	c.store.Forget(s.source())
	return nil
}

func (c *component) addSocket(name string, fd int) error {
	var work func() error
	switch {
	case fd < 0:
		c.say(log.Error, "socket "+name+" came without its descriptor")
		return nil
	case name == "syslog" || name == "journal":
		s := &socket{name: name, fd: fd, fresh: true}
		work = func() error {
			urgent, err := s.work(c.store, c.buf)
			c.urgent = c.urgent || urgent
			return err
		}
	case name == "kmsg":
		r, err := openRing(fd, c.store)
		if err != nil {
			unix.Close(fd)
			c.say(log.Error, err.Error())
			return nil
		}
		work = func() error { return r.work(c.store, c.buf) }
	default:
		unix.Close(fd)
		c.say(log.Error, "PID 1 hands over a socket "+name+", which this version does not know")
		return nil
	}
	if err := c.watch(fd, work); err != nil {
		unix.Close(fd)
		c.say(log.Error, name+": "+err.Error())
	}
	return nil
}
