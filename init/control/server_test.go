package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/guard"
	"clarityos/init/reactor"
	"clarityos/services/control"
	"clarityos/services/varlink"
)

// serve runs a server whose Echo answers with its parameters and whose Hold
// never answers, and gives its path.
//
// Stream, with more, has each later Emit send that many replies to its caller;
// Emit answers with how many of them were taken.
func serve(t *testing.T) string {
	t.Helper()
	var stream *Conn
	report := func(name, trouble string) { t.Errorf("%s: %s", name, trouble) }
	r, err := reactor.New(report)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/dir/control"
	if _, err := Listen(r, path, func(c *Conn, method string, args json.RawMessage) {
		switch method {
		case "Echo":
			c.Reply(args)
		case "Who":
			c.Reply(map[string]int{"uid": c.UID, "pid": c.PID})
		case "Large":
			var a struct{ N, Size int }
			if err := json.Unmarshal(args, &a); err != nil {
				t.Error(err)
			}
			c.Reply(map[string]any{"n": a.N, "pad": strings.Repeat("z", a.Size)})
		case "Stream":
			stream = c
			c.Closed = func() { stream = nil }
			c.Send(map[string]any{"more": c.More})
		case "Emit":
			var a struct{ N int }
			if err := json.Unmarshal(args, &a); err != nil {
				t.Error(err)
			}
			taken := 0
			for n := range a.N {
				if stream != nil && stream.Send(map[string]any{"n": n, "pad": strings.Repeat("z", 1000)}) {
					taken++
				}
			}
			c.Reply(map[string]any{"taken": taken, "open": stream != nil})
		case "Hold":
		case "Panic":
			panic("a call")
		default:
			c.Fail(varlink.ErrMethodNotFound, varlink.Fault{Method: method})
		}
	}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case batch := <-r.Ready():
				_ = guard.Try("loop", func(string, string) {}, func() { r.Dispatch(batch) })
			case <-done:
				return
			}
		}
	}()
	return path
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	for end := time.Now().Add(10 * time.Second); errors.Is(err, unix.EAGAIN) && time.Now().Before(end); {
		c, err = net.Dial("unix", path) // the backlog is full until the server has accepted
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends raw bytes and gives the next answer; "" is the end.
func ask(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		return ""
	}
	b, err := bufio.NewReader(c).ReadBytes(0)
	if err != nil {
		return ""
	}
	return string(b[:len(b)-1])
}

func TestCalls(t *testing.T) {
	path := serve(t)
	c := dial(t, path)
	if got := ask(t, c, `{"method":"Echo","parameters":{"a":1}}`+"\x00"); got != `{"parameters":{"a":1}}` {
		t.Errorf("echo: %s", got)
	}
	if got := ask(t, c, `{"method":"Nothing"}`+"\x00"); !strings.Contains(got, varlink.ErrMethodNotFound) {
		t.Errorf("no method: %s", got)
	}
	if got, want := ask(t, c, `{"method":"Who"}`+"\x00"), fmt.Sprintf(`{"parameters":{"pid":%d,"uid":%d}}`, os.Getpid(), os.Getuid()); got != want {
		t.Errorf("who: %s, want %s", got, want)
	}
	// Two calls in one write, the first in pieces.
	if _, err := c.Write([]byte(`{"method":"Ec`)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if _, err := c.Write([]byte("ho\",\"parameters\":{\"n\":1}}\x00{\"method\":\"Echo\",\"parameters\":{\"n\":2}}\x00")); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if b, err := r.ReadString(0); err != nil || !strings.Contains(b, fmt.Sprintf(`"n":%d`, n)) {
			t.Errorf("answer %d: %q %v", n, b, err)
		}
	}
}

// What is no varlink, and what never ends, costs the sender the connection and
// nobody else anything.
func TestHostile(t *testing.T) {
	path := serve(t)
	for name, text := range map[string]string{
		"garbage": "\xff\xfe garbage\x00", "endless": strings.Repeat("x", control.MaxRequest+1), "deep": strings.Repeat("[", 20000) + "\x00",
	} {
		if got := ask(t, dial(t, path), text); got != "" {
			t.Errorf("%s was answered: %s", name, got)
		}
	}
	if got := ask(t, dial(t, path), `{"method":"Panic"}`+"\x00"); got != "" {
		t.Errorf("a call that panics was answered: %s", got)
	}
	deaf := dial(t, path) // asks and never reads, until it cannot even ask
	if err := deaf.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if _, err := deaf.Write([]byte(`{"method":"Echo","parameters":{"x":"` + strings.Repeat("y", 8000) + `"}}` + "\x00")); err != nil {
			break
		}
	}
	for range 3 * maxClients { // speak never
		dial(t, path)
	}
	if got := ask(t, dial(t, path), `{"method":"Echo","parameters":{}}`+"\x00"); got != `{"parameters":{}}` {
		t.Errorf("after all that: %q", got)
	}
}

// Of calls that were made all at once one is answered after the other, as the
// client takes the answers, however much they are together.
func TestPipeline(t *testing.T) {
	const calls, size = 200, 20000
	c := dial(t, serve(t))
	var all strings.Builder
	for n := range calls {
		fmt.Fprintf(&all, `{"method":"Large","parameters":{"n":%d,"size":%d}}`+"\x00", n, size)
	}
	if _, err := c.Write([]byte(all.String())); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for n := range calls {
		if b, err := r.ReadString(0); err != nil || !strings.Contains(b, fmt.Sprintf(`"n":%d,`, n)) || len(b) < size {
			t.Fatalf("answer %d: %.60q %v", n, b, err)
		}
	}
}

// A stream goes to whoever reads it. One that does not read loses replies, keeps
// nobody waiting, and is sent further ones once it reads again.
func TestStream(t *testing.T) {
	path := serve(t)
	sub, other := dial(t, path), dial(t, path)
	if _, err := sub.Write([]byte(`{"method":"Stream","more":true}` + "\x00")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(sub)
	read := func() (reply varlink.Reply) {
		t.Helper()
		b, err := r.ReadBytes(0)
		if err == nil {
			err = json.Unmarshal(b[:len(b)-1], &reply)
		}
		if err != nil || !reply.Continues {
			t.Fatalf("%q: %v", b, err)
		}
		return reply
	}
	if got := string(read().Parameters); got != `{"more":true}` {
		t.Errorf("the first reply: %s", got)
	}
	emit := func(n int) (taken int, open bool) {
		t.Helper()
		var a struct {
			Parameters struct {
				Taken int
				Open  bool
			}
		}
		text := ask(t, other, fmt.Sprintf(`{"method":"Emit","parameters":{"N":%d}}`+"\x00", n))
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return a.Parameters.Taken, a.Parameters.Open
	}
	if taken, _ := emit(3); taken != 3 {
		t.Errorf("of 3 replies %d were taken", taken)
	}
	for range 3 {
		read()
	}
	const flood = 5000
	taken, open := emit(flood)
	if taken == 0 || taken == flood || !open {
		t.Fatalf("of %d replies that nobody read %d were taken; still open: %v", flood, taken, open)
	}
	for range taken {
		read()
	}
	if taken, _ := emit(1); taken != 1 {
		t.Error("it has read all, and is sent no more")
	}
	read()
	sub.Close()
	for range 1000 {
		if _, open = emit(0); !open {
			return
		}
	}
	t.Error("its end was not noticed")
}

// A caller that wants no answer hangs up at once: its call is carried out all
// the same, and the end of the connection says that it was taken.
func TestOneway(t *testing.T) {
	path := serve(t)
	sub, c := dial(t, path), dial(t, path)
	if got := ask(t, sub, `{"method":"Stream","more":true}`+"\x00"); !strings.Contains(got, `"continues":true`) {
		t.Fatal(got)
	}
	if _, err := c.Write([]byte(`{"method":"Emit","oneway":true,"parameters":{"N":1}}` + "\x00")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("it was answered %q, %v", b, err)
	}
	if got := ask(t, sub, ""); !strings.Contains(got, `"n":0`) {
		t.Errorf("the call was not carried out: %q", got)
	}
}

// A client that speaks now and then keeps its connection, however many there are
// that do not.
func TestSilentGoFirst(t *testing.T) {
	path := serve(t)
	c := dial(t, path)
	for n := range 3 * maxClients {
		dial(t, path)
		if n%(maxClients/4) == 0 {
			if got := ask(t, c, `{"method":"Echo","parameters":{}}`+"\x00"); got != `{"parameters":{}}` {
				t.Fatalf("after %d that are silent: %q", n, got)
			}
		}
	}
}

// Without a descriptor for it a client is turned away; with one it is served.
func TestNoDescriptors(t *testing.T) {
	path := serve(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	restore := func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	}
	defer restore()
	lowest, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest), Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the reserve is there again each time
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
			t.Fatal(err)
		}
		if n, err := unix.Read(fd, make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("a client without a descriptor: %d bytes, %v", n, err)
		}
		restore()
		unix.Close(fd)
		if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest), Max: was.Max}); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	if got := ask(t, dial(t, path), `{"method":"Echo","parameters":{}}`+"\x00"); got != `{"parameters":{}}` {
		t.Errorf("after that: %q", got)
	}
}

// However many calls others have made at once, a client's call is not carried out
// after more than one of each of theirs.
func TestTurns(t *testing.T) {
	const others, calls = 8, 20
	var order []string
	r, err := reactor.New(func(name, trouble string) { t.Errorf("%s: %s", name, trouble) })
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/control"
	if _, err := Listen(r, path, func(c *Conn, method string, _ json.RawMessage) {
		order = append(order, method)
		c.Reply(struct{}{})
	}); err != nil {
		t.Fatal(err)
	}
	for range others {
		if _, err := dial(t, path).Write([]byte(strings.Repeat(`{"method":"Other"}`+"\x00", calls))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, path).Write([]byte(`{"method":"Mine"}` + "\x00")); err != nil {
		t.Fatal(err)
	}
	for len(order) < others*calls+1 {
		r.Dispatch(<-r.Ready())
	}
	if at := slices.Index(order, "Mine"); at < 0 || at > 2*others {
		t.Errorf("its call is number %d", at)
	}
}
