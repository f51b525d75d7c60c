package forward

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

const (
	dialMost  = 10 * time.Second
	writeMost = 30 * time.Second
	// settleEvery is how often it is looked at what has arrived.
	settleEvery = time.Second
	cursorFile  = "forwarded"
)

// Forwarder sends one store's records to one server.
type Forwarder struct {
	Dir  string   // where the store began
	To   *url.URL // udp://HOST:PORT or tcp://HOST:PORT
	Host log.Host
	// Say tells of trouble, once for each time that it begins, and of its end.
	Say func(line string)
}

// Run sends until ctx ends.
func (f *Forwarder) Run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		arrived, err := f.connection(ctx, failures > 0)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errMoved) {
			continue
		}
		if arrived {
			failures = 0
		}
		if failures == 0 {
			f.Say(fmt.Sprintf("forwarding to %s: %v; it is tried again", f.To, err))
		}
		pause := time.NewTimer(backoff(failures, rand.Float64()))
		failures++
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

// errMoved says that the store went to another folder, where earlier boots left
// records and a cursor of their own.
var errMoved = errors.New("the log has moved")

// sent is how far one connection is.
type sent struct {
	dir     string    // of the store
	skip    log.Place // what was sent of this boot before the store moved to dir
	mu      sync.Mutex
	written string // cursor of the last record that was written
	settled string // of the last one that has arrived, and is in the file
}

// load finds where a connection goes on.
func (f *Forwarder) load() (*sent, log.Place, error) {
	s := &sent{dir: log.Locate(f.Dir)}
	read := func(dir string) (string, log.Place, error) {
		text, err := os.ReadFile(filepath.Join(dir, cursorFile))
		if errors.Is(err, os.ErrNotExist) {
			return "", log.Place{}, nil
		}
		if err != nil {
			return "", log.Place{}, err
		}
		place, err := log.ParseCursor(string(text))
		return strings.TrimSpace(string(text)), place, err
	}
	text, after, err := read(s.dir)
	s.written, s.settled = text, text
	if err == nil && s.dir != f.Dir {
		_, s.skip, err = read(f.Dir)
	}
	return s, after, err
}

// connection sends over one connection until it breaks. It reports whether
// anything has arrived.
func (f *Forwarder) connection(ctx context.Context, again bool) (arrived bool, err error) {
	dialer := net.Dialer{Timeout: dialMost}
	conn, err := dialer.DialContext(ctx, f.To.Scheme, f.To.Host)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if again && f.To.Scheme == "tcp" {
		f.Say(fmt.Sprintf("forwarding to %s goes on", f.To))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, after, err := f.load()
	if err != nil {
		return false, err
	}
	begin := s.settled
	var wg sync.WaitGroup
	// No server says anything: what can be read is the connection's end.
	wg.Go(func() {
		_, err := conn.Read(make([]byte, 1))
		cancel(fmt.Errorf("the server has closed the connection: %w", err))
	})
	wg.Go(func() { cancel(f.settle(ctx, conn, s)) })
	err = f.stream(ctx, conn, s, after)
	cancel(err)
	conn.Close() // ends the reader
	wg.Wait()
	return s.settled != begin, context.Cause(ctx)
}

// stream sends records until ctx or the connection ends.
func (f *Forwarder) stream(ctx context.Context, conn net.Conn, s *sent, last log.Place) error {
	send := func(message []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(writeMost)) // the write tells
		_, err := conn.Write(frame(f.To.Scheme, message))
		return err
	}
	var message []byte
	for r, err := range log.Read(ctx, s.dir, log.Query{Follow: true, After: last}) {
		var broken *log.DamageError
		switch {
		case errors.As(err, &broken):
			continue // the gap in the numbers tells
		case err != nil:
			return err
		}
		if lost := missing(last, r); lost > 0 {
			line := fmt.Sprintf("%d records were dropped before they could be forwarded", lost)
			f.Say(line)
			gap := log.Record{RealtimeUS: r.RealtimeUS, Boot: r.Boot, Identifier: "clarityd", Priority: log.Warning, Message: line}
			if err := send(appendMessage(message[:0], gap, f.Host)); err != nil {
				return err
			}
		}
		if r.Boot != s.skip.Boot || r.Seq > s.skip.Seq {
			message = appendMessage(message[:0], r, f.Host)
			if err := send(message); err != nil {
				return err
			}
		}
		last = log.Place{Boot: r.Boot, Seq: r.Seq}
		s.mu.Lock()
		s.written = r.Cursor()
		s.mu.Unlock()
	}
	return ctx.Err()
}

// missing returns how many records there were between two, as far as their
// numbers tell: of a boot that has not been seen, what comes before r; of the
// one before it nobody knows. What was there before anything was forwarded does
// not count.
func missing(last log.Place, r log.Record) uint64 {
	from := uint64(0)
	switch last.Boot {
	case "":
		return 0
	case r.Boot:
		from = last.Seq
	}
	return r.Seq - min(r.Seq, from+1)
}

// settle notes what has arrived, until ctx ends or the store moves. Over UDP
// that is what was written a while ago without an error.
func (f *Forwarder) settle(ctx context.Context, conn net.Conn, s *sent) error {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	before := s.settled
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
		candidate := s.written
		s.mu.Unlock()
		arrived := f.To.Scheme == "udp" || acknowledged(conn)
		if f.To.Scheme == "udp" {
			candidate, before = before, candidate
		}
		if arrived && candidate != s.settled {
			// Where the store was: it may have moved since.
			if err := renameio.WriteFile(filepath.Join(s.dir, cursorFile), []byte(candidate+"\n"), 0o640); err != nil {
				return fmt.Errorf("keep how far the log was forwarded: %w", err)
			}
			s.settled = candidate
		}
		if arrived && log.Locate(f.Dir) != s.dir {
			return errMoved
		}
	}
}

// acknowledged reports whether the other kernel has all that was written.
func acknowledged(conn net.Conn) bool {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	waits := -1
	err = raw.Control(func(fd uintptr) { waits, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return err == nil && waits == 0
}
