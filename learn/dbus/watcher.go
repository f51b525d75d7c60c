package dbus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"time"

	"clarityos/learn/sockets"
)

// Path is the system's bus's socket.
const Path = "/run/dbus/system_bus_socket"

const (
	// The bus is looked for again after retryFirst, then after twice as long each
	// time, at most retryMost.
	retryFirst = time.Second
	retryMost  = 32 * time.Second
	// lookEvery is how often Serving is asked when nothing comes from changed.
	lookEvery = 2 * time.Second
	// A monitor may take this much at once, in messages and KiB of them, and as much a
	// second from then on: the start of a machine is seen as a whole, and a bus that
	// is busy all the time for a part of it. When it has, it leaves until half of the
	// room is free, since who does not read has the bus keep what is not read.
	callsMost = 4096
	callsRate = 10
)

// Config says what a Watcher works with.
type Config struct {
	Socket string
	Proc   fs.FS                // a /proc
	Now    func() time.Duration // CLOCK_BOOTTIME
	Tell   func([]Fact)         // it is not called twice at once
	Say    func(string)
	// Serving says whether somebody takes connections at the socket, or will soon:
	// where PID 1 listens for the bus, to connect would start it.
	Serving func() bool
	Up      func(unit string) bool // whether a unit is up, or is about to be
}

// Watcher watches a bus. Use New.
type Watcher struct {
	Config
	mu    sync.Mutex // of all that follows
	asker asker
	calls bucket
	away  bool // the monitor has seen enough for now
}

// New makes a watcher, which does nothing before Run.
func New(cfg Config) *Watcher {
	return &Watcher{Config: cfg, calls: bucket{most: callsMost, rate: callsRate},
		asker: asker{table: newTable(cfg.Up), asks: bucket{most: asksMost, rate: asksRate}, unitOf: func(pid uint32) (string, error) {
			return sockets.UnitOf(cfg.Proc, strconv.FormatUint(uint64(pid), 10))
		}}}
}

// State is what a watcher says of itself.
type State struct {
	Counts
	Names int  // that have an owner
	Away  bool // calls are not looked at for a while, since there were too many
}

// Run watches until ctx ends. It looks for a bus that is served when something
// comes from changed and now and then, after a failure not before its time.
func (w *Watcher) Run(ctx context.Context, changed <-chan struct{}) {
	for pause := retryFirst; ctx.Err() == nil; {
		if !w.Serving() {
			select {
			case <-changed:
			case <-time.After(lookEvery):
			case <-ctx.Done():
			}
			continue
		}
		began := w.Now()
		if err := w.session(ctx); err != nil && ctx.Err() == nil && w.Serving() {
			w.Say(fmt.Sprintf("D-Bus: %v; it is tried again in %v", err, pause))
		}
		if w.Now()-began > retryMost {
			pause = retryFirst
		}
		wait(ctx, pause)
		pause = min(2*pause, retryMost)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// session follows names, and calls with them, until the bus ends.
func (w *Watcher) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var monitor sync.WaitGroup
	defer w.forget() // with no monitor: another bus gives the same unique names anew
	defer monitor.Wait()
	defer cancel()
	l, err := dial(ctx, w.Socket)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.asker.questions, w.asker.call = map[uint32]question{}, l.call
	asks := w.asker.begin()
	w.mu.Unlock()
	monitor.Go(func() { w.monitor(ctx) })
	for {
		if err := l.send(asks); err != nil {
			return fmt.Errorf("ask %s: %w", w.Socket, err)
		}
		m, err := readMessage(l.in)
		if err != nil {
			return fmt.Errorf("read from %s: %w", w.Socket, err)
		}
		if asks, err = w.take(m); err != nil {
			return err
		}
	}
}

func (w *Watcher) take(m message) (asks []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	asks, facts, err := w.asker.take(m, w.Now())
	w.tell(facts)
	return asks, err
}

// tell needs the lock.
func (w *Watcher) tell(facts []Fact) {
	if len(facts) > 0 {
		w.Tell(facts)
	}
}

func (w *Watcher) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = false
	w.tell(w.asker.gone())
}

var errEnough = errors.New("enough calls for now")

// monitor follows calls, with pauses, until ctx ends.
func (w *Watcher) monitor(ctx context.Context) {
	for pause := retryFirst; ctx.Err() == nil; {
		err := w.listen(ctx)
		left := pause
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errEnough):
			w.mu.Lock()
			left, pause = w.calls.half(w.Now()), retryFirst
			w.away = true
			w.mu.Unlock()
		default:
			w.Say(fmt.Sprintf("monitor D-Bus: %v; it is tried again in %v", err, pause))
			pause = min(2*pause, retryMost)
		}
		wait(ctx, left)
		w.mu.Lock()
		w.away = false
		w.mu.Unlock()
	}
}

// listen is one connection of the monitor. It says nothing once it has become one.
func (w *Watcher) listen(ctx context.Context) error {
	l, err := dial(ctx, w.Socket)
	if err != nil {
		return err
	}
	defer l.Close()
	become, serial := l.call("org.freedesktop.DBus.Monitoring", "BecomeMonitor", rules("type='method_call'"))
	if err := l.send(become); err != nil {
		return err
	}
	for {
		m, err := readMessage(l.in)
		switch {
		case err != nil:
			return err
		case m.kind == kindError && m.from == driver && m.replyTo == serial && m.body != nil:
			return fmt.Errorf("the bus refuses: %s", m.body.text())
		case m.kind == kindCall && !w.call(m):
			return errEnough
		}
	}
}

// call takes a call that the monitor has seen, and says whether it may see more.
func (w *Watcher) call(m message) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.Now()
	w.away = !w.calls.take(now, 1+float64(m.size>>10))
	w.tell(w.asker.called(m.from, m.to, now))
	return !w.away
}

// Connects says that a process of a unit was seen to connect to the bus, which the
// bus may not have told yet.
func (w *Watcher) Connects(pid int, unit string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if pid > 0 && unit != "" {
		w.tell(w.asker.connects(uint32(pid), unit))
	}
}

// State gives it at this moment.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return State{w.asker.Counts, len(w.asker.owners), w.away}
}
