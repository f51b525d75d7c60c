package forward

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clarityos/services/log"
)

const (
	bootA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	bootB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// limit bounds every wait.
const limit = 30 * time.Second

func TestMessage(t *testing.T) {
	at := uint64(time.Date(2026, 11, 23, 12, 0, 0, 5000, time.UTC).UnixMicro())
	base := log.Record{Boot: bootA, Seq: 7, RealtimeUS: at, Priority: 6, Message: "m"}
	with := func(f func(*log.Record)) log.Record { r := base; f(&r); return r }
	sd := `[clarity@32473 boot="` + bootA + `" seq="7"`
	for name, tc := range map[string]struct {
		r    log.Record
		want string
	}{
		"bare": {base, `<30>1 2026-11-23T12:00:00.000005Z box - - - ` + sd + `] m`},
		"unit": {with(func(r *log.Record) { r.Unit, r.PID, r.Source = "a.service", 9, "stream:1" }),
			`<30>1 2026-11-23T12:00:00.000005Z box a 9 - ` + sd + ` unit="a.service"] m`},
		"kernel": {with(func(r *log.Record) { r.Source, r.Identifier, r.Priority = "kmsg", "kernel", 3 }),
			`<3>1 2026-11-23T12:00:00.000005Z box kernel - - ` + sd + `] m`},
		"facility": {with(func(r *log.Record) { r.Fields = []log.Field{{Name: "SYSLOG_FACILITY", Value: "10"}} }),
			`<86>1 2026-11-23T12:00:00.000005Z box - - - ` + sd + `] m`},
		"escapes": {with(func(r *log.Record) { r.Fields = []log.Field{{Name: "A", Value: `"\]`}} }),
			`<30>1 2026-11-23T12:00:00.000005Z box - - - ` + sd + ` A="\"\\\]"] m`},
		"not ASCII": {with(func(r *log.Record) { r.Identifier, r.Message = "a b\xffü", "\xffü" }),
			"<30>1 2026-11-23T12:00:00.000005Z box a_b__ - - " + sd + "] \ufffdü"},
	} {
		if got := string(appendMessage(nil, tc.r, log.Host{Name: "box"})); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
	long := frame("udp", []byte(strings.Repeat("ü", maxDatagram)))
	if len(long) != maxDatagram || !strings.HasSuffix(string(long), "ü") {
		t.Errorf("a long datagram has %d bytes", len(long))
	}
	if got := string(frame("tcp", []byte("abc"))); got != "3 abc" {
		t.Errorf("on a stream: %q", got)
	}
}

func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, chance := rapid.IntRange(0, 1<<40).Draw(t, "failures"), rapid.Float64Range(0, 1).Draw(t, "chance")
		d := backoff(n, chance)
		if full := backoff(n, 0); d < full/2 || d > full || full < time.Second || full > time.Minute || backoff(n+1, 0) < full {
			t.Fatalf("after %d failures %v", n, d)
		}
	})
}

func TestMissing(t *testing.T) {
	for _, tc := range []struct {
		last log.Place
		boot string
		seq  uint64
		want uint64
	}{
		{log.Place{}, bootA, 500, 0},
		{log.Place{Boot: bootA, Seq: 4}, bootA, 5, 0},
		{log.Place{Boot: bootA, Seq: 4}, bootA, 15, 10},
		{log.Place{Boot: bootA, Seq: 4}, bootB, 1, 0},
		{log.Place{Boot: bootA, Seq: 4}, bootB, 3, 2},
	} {
		if got := missing(tc.last, log.Record{Boot: tc.boot, Seq: tc.seq}); got != tc.want {
			t.Errorf("%+v: %d", tc, got)
		}
	}
}

// forwarding runs a forwarder until the test ends or stop is called.
func forwarding(t *testing.T, dir, to string) (stop func()) {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	f := Forwarder{Dir: dir, To: u, Host: log.Host{Name: "box"}, Say: func(line string) { t.Log(line) }}
	go func() { defer close(done); f.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func open(t *testing.T, dir, boot string) *log.Store {
	t.Helper()
	s, err := log.Open(dir, boot, log.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func say(t *testing.T, s *log.Store, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := s.Append(log.Record{Priority: 6, Identifier: "app", Message: fmt.Sprintf("line %d", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// server takes octet-counted messages over TCP.
type server struct {
	net.Listener
	t *testing.T
}

func listen(t *testing.T, address string) server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return server{l, t}
}

// take reads from one connection until the last message ends in some text, and
// returns all messages.
func (s server) take(last string) (all []string) {
	s.t.Helper()
	if err := s.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(limit)); err != nil {
		s.t.Fatal(err)
	}
	conn, err := s.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	r := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(r, "%d ", &n); err != nil {
			s.t.Fatalf("after %d messages: %v", len(all), err)
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			s.t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(b), "] ")
		if all = append(all, text); strings.HasSuffix(text, last) {
			return all
		}
	}
}

// settled waits until the cursor in a folder is that of a record.
func settled(t *testing.T, dir string, seq uint64) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, cursorFile))
		if p, err := log.ParseCursor(string(text)); err == nil && p.Seq == seq {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cursor is %q", text)
		}
	}
}

func lines(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("line %d", i))
	}
	return all
}

// What is written while the server is away arrives when it is back, and what
// had arrived is not sent again, by another forwarder neither.
func TestServerAway(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, bootA)
	defer store.Close()
	l := listen(t, "127.0.0.1:0")
	address := l.Addr().String()
	stop := forwarding(t, dir, "tcp://"+address)
	say(t, store, 1, 100)
	first := make(chan []string)
	// The connection stays open until the cursor is kept.
	go func() { first <- l.take("line 101") }()
	settled(t, dir, 100)
	say(t, store, 101, 101)
	if diff := cmp.Diff(lines(1, 101), <-first); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
	l.Close()
	stop()
	say(t, store, 102, 200)
	forwarding(t, dir, "tcp://"+address)
	l = listen(t, address)
	got := l.take("line 200")
	// Line 101 may not have been acknowledged.
	if got[0] == "line 101" {
		got = got[1:]
	}
	if diff := cmp.Diff(lines(102, 200), got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// The store moves to a folder where an earlier boot has left what was not sent.
func TestMoved(t *testing.T) {
	dir, later := t.TempDir(), t.TempDir()
	earlier := open(t, later, bootA)
	say(t, earlier, 1, 10)
	earlier.Close()
	store := open(t, dir, bootB)
	defer func() { store.Close() }()
	say(t, store, 11, 20)
	l := listen(t, "127.0.0.1:0")
	forwarding(t, dir, "tcp://"+l.Addr().String())
	first := make(chan []string)
	go func() { first <- l.take("line 21") }()
	settled(t, dir, 10)
	if err := log.Move(store, later, log.Limits{}); err != nil {
		t.Fatal(err)
	}
	say(t, store, 21, 21)
	if diff := cmp.Diff(lines(11, 21), <-first); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
	say(t, store, 22, 30)
	got := l.take("line 30")
	for len(got) > 10 && got[10] != "line 22" { // 21 may not have been acknowledged
		got = append(got[:10], got[11:]...)
	}
	if diff := cmp.Diff(append(lines(1, 10), lines(22, 30)...), got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestDatagrams(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, bootA)
	defer store.Close()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say(t, store, 1, 20)
	forwarding(t, dir, "udp://"+conn.LocalAddr().String())
	_ = conn.SetDeadline(time.Now().Add(limit))
	b := make([]byte, maxDatagram)
	for i := 1; i <= 20; i++ {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b[:n]); !strings.HasPrefix(got, "<30>1 ") || !strings.HasSuffix(got, fmt.Sprintf("] line %d", i)) {
			t.Fatalf("datagram %d is %q", i, got)
		}
	}
	settled(t, dir, 20)
}
