package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/reactor"
	"clarityos/services/control"
)

// serve runs a server whose Echo answers with its parameters and whose Hold
// never answers, and gives its path.
func serve(t *testing.T) string {
	t.Helper()
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
		case "Hold":
		default:
			c.Fail(control.ErrMethodNotFound, control.Fault{Method: method})
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
				r.Dispatch(batch)
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
	if got := ask(t, c, `{"method":"Nothing"}`+"\x00"); !strings.Contains(got, control.ErrMethodNotFound) {
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
	deaf := dial(t, path) // asks and never reads
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
