package bus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/services/varlink"
)

// limit bounds every wait of these tests.
const limit = 20 * time.Second

// serve runs a bus until the test ends.
func serve(t *testing.T) (path string, s *Server) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bus")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s = NewServer(NewBroker(nil, nil))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(limit):
			t.Error("the server does not end")
		}
	})
	return path, s
}

// peerOf is one end of a connection, as bytes.
type peerOf struct {
	*testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, path string) peerOf {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newPeer(t, c)
}

func newPeer(t *testing.T, c net.Conn) peerOf {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return peerOf{t, c, bufio.NewReader(c)}
}

func (p peerOf) say(method string, more bool, args any) {
	p.Helper()
	raw, err := json.Marshal(args)
	if err != nil {
		p.Fatal(err)
	}
	b, err := varlink.Encode(varlink.Call{Method: Interface + "." + method, More: more, Parameters: raw})
	if err == nil {
		_, err = p.Write(b)
	}
	if err != nil {
		p.Fatal(err)
	}
}

func (p peerOf) hear(parameters any) (r varlink.Reply) {
	p.Helper()
	b, err := p.in.ReadBytes(0)
	if err == nil {
		err = json.Unmarshal(b[:len(b)-1], &r)
	}
	if err == nil && parameters != nil {
		err = json.Unmarshal(r.Parameters, parameters)
	}
	if err != nil {
		p.Fatalf("%q: %v", b, err)
	}
	return r
}

// call makes a call that is answered well.
func (p peerOf) call(method string, args, reply any) {
	p.Helper()
	p.say(method, false, args)
	if r := p.hear(reply); r.Error != "" {
		p.Fatalf("%s: %s %s", method, r.Error, r.Parameters)
	}
}

func (p peerOf) subscribe(in Interest) {
	p.Helper()
	p.say("Subscribe", true, in)
	var d Delivery
	if r := p.hear(&d); !r.Continues || len(d.Messages) != 0 {
		p.Fatalf("the first reply: %+v %+v", r, d)
	}
}

func publishing(t *testing.T, bodies ...Body) (a PublishArgs) {
	for _, b := range bodies {
		a.Messages = append(a.Messages, message(t, b))
	}
	return a
}

// Who does not read loses what has no room, and is told; the publisher and the
// others notice nothing, and have all.
func TestStuckSubscriber(t *testing.T) {
	path, s := serve(t)
	stuck, well, publisher := dial(t, path), dial(t, path), dial(t, path)
	stuck.subscribe(Interest{})
	well.subscribe(Interest{Topics: []Pattern{"local.**"}})
	const batches = 200
	body := json.RawMessage(fmt.Sprintf(`{"x":%q}`, strings.Repeat("y", 1000)))
	for n := range batches {
		publisher.call("Publish", PublishArgs{[]Message{{Topic: "local.x", Body: body}, {Topic: "local.y", Body: body}, message(t, &UnitState{Unit: "a", Phase: fmt.Sprint(n)}), message(t, &ResourceUsage{Unit: "a"})}}, nil)
		for heard := 0; heard < 2; {
			var d Delivery
			if well.hear(&d); d.Lost != nil {
				t.Fatalf("who reads lost %+v", d.Lost)
			}
			heard += len(d.Messages)
		}
	}
	for range 60 {
		for range 20 {
			publisher.call("Publish", publishing(t, &ResourceAnomaly{Measure: strings.Repeat("z", 2000)}), nil)
		}
	}
	s.mu.Lock()
	st := s.broker.Stats()
	s.mu.Unlock()
	if st.Lost.Normal+st.Lost.Low+st.Lost.High == 0 {
		t.Fatalf("nothing was lost, so nobody was stuck: %+v", st)
	}
	// It begins to read: what it lost is told, and the newest state is there.
	var lost Losses
	heard, state := uint64(0), ""
	for want := uint64(batches*4 + 60*20); heard+lost.High+lost.Normal+lost.Low+lost.Folded < want; {
		var d Delivery
		stuck.hear(&d)
		if d.Lost != nil {
			lost.add(*d.Lost)
		}
		for _, m := range d.Messages {
			if heard++; m.Topic == "unit.state" {
				b, err := Decode(m)
				if err != nil {
					t.Fatal(err)
				}
				state = b.(*UnitState).Phase
			}
		}
	}
	if state != fmt.Sprint(batches-1) {
		t.Errorf("the newest state that came is %s", state)
	}
}

// Others than root hear what is for all, and change nothing.
func TestPermissions(t *testing.T) {
	_, s := serve(t)
	ours, theirs := pair(t)
	c := &conn{server: s, line: theirs, in: bufio.NewReader(theirs), uid: 1000}
	go func() {
		c.serve()
		theirs.Close()
	}()
	p := newPeer(t, ours)
	for _, method := range []string{"Publish", "Attend", "Answer", "Ask"} {
		p.say(method, false, struct{}{})
		if r := p.hear(nil); r.Error != varlink.ErrPermission {
			t.Errorf("%s: %+v", method, r)
		}
	}
	p.call("Stats", struct{}{}, nil)
	p.subscribe(Interest{})
	for _, b := range []Body{&BootMessage{Message: "secret"}, &ResourceAnomaly{}, &UnitJob{Unit: "a"}} {
		if err := s.Publish(message(t, b)); err != nil {
			t.Fatal(err)
		}
	}
	var d Delivery
	if p.hear(&d); len(d.Messages) != 1 || d.Messages[0].Topic != "unit.job" {
		t.Errorf("%+v", d)
	}
}

func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pair")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"}); err == nil {
		b, err = l.AcceptUnix()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestCalls(t *testing.T) {
	path, _ := serve(t)
	for name, c := range map[string]struct {
		method string
		more   bool
		args   any
		want   string // in the name of the error and its parameters
	}{
		"no method":          {"Nothing", false, struct{}{}, "MethodNotFound"},
		"no parameters":      {"Publish", false, []int{1}, "InvalidParameter"},
		"too many":           {"Publish", false, PublishArgs{make([]Message, MaxBatch+1)}, "InvalidParameter"},
		"refused":            {"Publish", false, PublishArgs{[]Message{message(t, &UnitJob{}), {Topic: "x"}}}, `Refused{"taken":1,`},
		"no pattern":         {"Subscribe", true, Interest{Topics: []Pattern{"a", "a*"}}, "a* is no pattern"},
		"no priority":        {"Subscribe", true, Interest{Priority: "urgent"}, "no priority"},
		"subscribe once":     {"Subscribe", false, Interest{}, "with more"},
		"attend once":        {"Attend", false, AttendArgs{[]Pattern{"a"}}, "with more"},
		"attend to nothing":  {"Attend", true, AttendArgs{}, "at least one"},
		"nobody":             {"Ask", false, AskArgs{Topic: "a.b"}, "nobody attends"},
		"a timeout too long": {"Ask", false, AskArgs{Topic: "a.b", Timeout: 2 * time.Hour}, "an hour"},
		"answer nothing":     {"Answer", false, AnswerArgs{ID: 7}, "NoAnswer"},
	} {
		p := dial(t, path)
		p.say(c.method, c.more, c.args)
		if r := p.hear(nil); !strings.Contains(strings.ReplaceAll(r.Error+string(r.Parameters), `\"`, ""), c.want) || r.Continues {
			t.Errorf("%s: %s %s, want %s", name, r.Error, r.Parameters, c.want)
		}
	}
}

// What is no varlink costs the sender the connection and nobody else anything.
func TestHostile(t *testing.T) {
	path, s := serve(t)
	for name, text := range map[string]string{
		"garbage": "\xff\xfe\x00", "endless": strings.Repeat("x", MaxRequest+8192), "deep": strings.Repeat("[", 20000) + "\x00",
	} {
		p := dial(t, path)
		go func() { _, _ = p.Write([]byte(text)) }()
		if b, err := p.in.ReadBytes(0); err == nil {
			t.Errorf("%s was answered: %q", name, b)
		}
	}
	var all []peerOf
	for range maxClients + 20 {
		all = append(all, dial(t, path))
	}
	for i, p := range all[maxClients:] {
		if _, err := p.in.ReadByte(); err == nil || isTimeout(err) {
			t.Errorf("client %d was not turned away: %v", maxClients+i, err)
		}
	}
	for _, p := range all {
		p.Close()
	}
	within(t, "room for others", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) == 0
	})
	dial(t, path).call("Stats", struct{}{}, nil)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// within waits until something holds.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// A request goes to who attends, its answer to who asked; when there is none in
// time, or who attends goes, that is the answer.
func TestRequests(t *testing.T) {
	path, s := serve(t)
	at, answers, asker := dial(t, path), dial(t, path), dial(t, path)
	at.say("Attend", true, AttendArgs{[]Pattern{"local.sum"}})
	at.hear(nil)
	asker.say("Ask", false, AskArgs{Topic: "local.sum", Body: json.RawMessage(`{"of":[1,2]}`)})
	var task Task
	if at.hear(&task); string(task.Body) != `{"of":[1,2]}` {
		t.Errorf("%+v", task)
	}
	answers.call("Answer", AnswerArgs{ID: task.ID, Body: json.RawMessage(`{"is":3}`)}, nil)
	var got AskReply
	if asker.hear(&got); string(got.Body) != `{"is":3}` {
		t.Errorf("%s", got.Body)
	}
	asker.say("Ask", false, AskArgs{Topic: "local.sum"})
	at.hear(&task)
	answers.call("Answer", AnswerArgs{ID: task.ID, Error: "no numbers"}, nil)
	if r := asker.hear(nil); r.Error != ErrRefused || !strings.Contains(string(r.Parameters), "no numbers") {
		t.Errorf("%+v", r)
	}
	asker.say("Ask", false, AskArgs{Topic: "local.sum", Timeout: time.Millisecond})
	if r := asker.hear(nil); r.Error != ErrNoAnswer || !strings.Contains(string(r.Parameters), "within 1ms") {
		t.Errorf("%+v", r)
	}
	at.hear(&task) // the one that was given up
	asker.say("Ask", false, AskArgs{Topic: "local.sum"})
	at.hear(&task)
	at.Close()
	if r := asker.hear(nil); r.Error != ErrNoAnswer || !strings.Contains(string(r.Parameters), "has gone") {
		t.Errorf("%+v", r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.desk.open) != 0 || len(s.desk.attendants) != 0 {
		t.Errorf("%+v", s.desk)
	}
}

// A subscriber that hangs up leaves nothing behind.
func TestLeave(t *testing.T) {
	path, s := serve(t)
	p := dial(t, path)
	p.subscribe(Interest{})
	p.Close()
	within(t, "the end of the subscription", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.broker.subs) == 0 && len(s.conns) == 0
	})
}

// The description names every method that there is, and no other.
func TestDescription(t *testing.T) {
	path, _ := serve(t)
	for _, line := range strings.Split(Service.Description, "\n") {
		if name, ok := strings.CutPrefix(line, "method "); ok {
			name, _, _ = strings.Cut(name, "(")
			p := dial(t, path)
			p.say(name, false, []int{})
			if r := p.hear(nil); strings.Contains(r.Error, "MethodNotFound") {
				t.Errorf("%s: %s", name, r.Error)
			}
		}
	}
}
