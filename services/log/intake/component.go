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
	// tidyEvery is how often a store is looked at that nothing is written to.
	tidyEvery = time.Hour
)

// Config says where the component works.
type Config struct {
	Link   int        // the socket to PID 1
	Dir    string     // the store, on tmpfs; the spools are in it
	BootID string     // as the kernel writes it
	Limits log.Limits // of the store in Dir
	Moved  log.Limits // of the store where PID 1 has it moved
	Rate   Rate       // of units that say nothing of their own
	// MaxLevel is the least urgent priority that is kept. It is the zero
	// value, Emergency, only on purpose.
	MaxLevel int
	// Say are lines to begin with.
	Say []string
}

// component is one process's work. One goroutine owns it.
type component struct {
	Config
	store   *log.Store
	epoll   int
	sources map[int32]func() error // by descriptor
	streams map[string]*stream
	rules   *rules
	buf     []byte
	fresh   bool // no record of PID 1 was taken yet

	dirty    bool // something is not synced
	urgent   bool
	lastSync time.Time
	syncing  atomic.Bool

	moveTo   string
	nextMove time.Time
	nextTidy time.Time

	nextReport uint64 // when to say how much was suppressed, µs since the kernel started; 0 for never
	dropped    int    // segments, told of
}

// Run reads what PID 1 hands over until ctx or PID 1's end of the link ends.
func Run(ctx context.Context, cfg Config) error {
	spools := filepath.Join(cfg.Dir, "spool")
	if err := os.MkdirAll(spools, 0o700); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	limits := cfg.Limits
	if log.Locate(cfg.Dir) != cfg.Dir {
		limits = cfg.Moved
	}
	store, err := log.Open(log.Locate(cfg.Dir), cfg.BootID, limits)
	if err != nil {
		return err
	}
	c := &component{Config: cfg, store: store, sources: map[int32]func() error{}, streams: map[string]*stream{},
		rules: openRules(policy{rate: cfg.Rate, maxLevel: cfg.MaxLevel}, store), buf: make([]byte, bufferSize), fresh: true}
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
	for _, line := range cfg.Say {
		c.say(log.Warning, line)
	}
	c.reply(Reply{Ready: true})
	complaint := ""
	for {
		err := c.turn()
		switch {
		case err == nil:
			complaint = ""
		case ctx.Err() != nil, errors.Is(err, errEnd):
			return c.lastWords()
		default:
			// The store takes nothing, or a source fails: everything
			// stays where it is until the next try.
			if complaint != err.Error() { // stderr may lead to ourselves
				complaint = err.Error()
				fmt.Fprintln(os.Stderr, "clarityd log:", err)
			}
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
	var failed error
	for _, e := range events[:max(n, 0)] {
		work := c.sources[e.Fd]
		if work == nil {
			continue // closed in this turn
		}
		// One source that fails keeps no other one from its turn.
		failed = errors.Join(failed, work())
		c.dirty = true
	}
	c.sync()
	return errors.Join(failed, c.report(), c.tidy(), c.move())
}

// patience is how long to wait, in ms, before there is something to do anyhow.
func (c *component) patience() int {
	wait := tidyEvery
	if c.dirty || c.moveTo != "" {
		wait = syncEvery
	}
	if c.nextReport > 0 {
		now := readClock().monotonic
		wait = min(wait, time.Duration(max(c.nextReport, now)-now)*time.Microsecond+time.Millisecond)
	}
	return int(wait.Milliseconds())
}

// report says what was not kept since the last time.
func (c *component) report() error {
	reports, next := c.rules.due(readClock())
	c.nextReport = next
	for _, r := range reports {
		if err := c.store.Append(r); err != nil {
			return err
		}
		c.rules.told(r)
	}
	if n := c.store.Dropped - c.dropped; n > 0 {
		c.dropped = c.store.Dropped
		c.say(log.Warning, fmt.Sprintf("the disk was full: %d old segments of the log went before their time", n))
	}
	return nil
}

// tidy drops what has become too old.
func (c *component) tidy() error {
	if time.Now().Before(c.nextTidy) {
		return nil
	}
	c.nextTidy = time.Now().Add(tidyEvery)
	return c.store.Tidy()
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
	if err := log.Move(c.store, c.moveTo, c.Moved); err != nil {
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
