package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	server "clarityos/init/control"
	"clarityos/init/pool"
	"clarityos/init/reactor"
	"clarityos/init/spawn"
	"clarityos/init/watchdog"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

// stubbed is PID 1 as far as it can be without being that: with a plan of one
// service, whose processes are never made.
func stubbed(t testing.TB, path string) *pid1 {
	t.Helper()
	p := &pid1{
		plan:  &plan.Plan{Schema: plan.Schema, Default: "a.service", Units: []plan.Unit{{Name: "a.service", Service: &plan.Service{Type: plan.Simple, Start: []plan.Command{{Path: "/bin/a"}}}}}},
		table: spawn.NewTable(), units: map[string]*resource{}, clients: map[uint64]*server.Conn{},
		posts: make(chan func(), 8), watchdog: &watchdog.Watchdog{}, timer: time.NewTimer(time.Hour), beat: time.NewTicker(time.Hour),
	}
	p.forks, p.asks = pool.New("fork", 0, p.panicked), pool.New("ask", 0, p.panicked)
	var err error
	if p.reactor, err = reactor.New(p.panicked); err != nil {
		t.Fatal(err)
	}
	if p.server, err = server.Listen(p.reactor, path, p.call); err != nil {
		t.Fatal(err)
	}
	p.sup = supervisor.New(p.plan)
	return p
}

// caller is a client of a stubbed PID 1.
type caller struct {
	net.Conn
	*bufio.Reader
	*testing.T
}

func (c caller) ask(method, parameters string) {
	c.Helper()
	if _, err := c.Write([]byte(`{"method":"` + control.Interface + "." + method + `","parameters":` + parameters + "}\x00")); err != nil {
		c.Fatal(err)
	}
}

// answer turns the loop until there is one.
func (c caller) answer(p *pid1) (r varlink.Reply) {
	c.Helper()
	got := make(chan string, 1)
	go func() {
		text, _ := c.ReadString(0)
		got <- text
		p.post(func() {}) // so that the last turn ends
	}()
	for {
		select {
		case text := <-got:
			if err := json.Unmarshal([]byte(strings.TrimSuffix(text, "\x00")), &r); err != nil {
				c.Fatalf("%q: %v", text, err)
			}
			return r
		default:
			p.turn()
		}
	}
}

// A panic in whatever the loop does costs its state: who waits for a job is told
// that it is lost, and from then on everything works as before.
func TestLoopSurvivesPanic(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test needs root, as PID 1's callers do")
	}
	path := t.TempDir() + "/control"
	p := stubbed(t, path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := caller{conn, bufio.NewReader(conn), t}
	for range 3 {
		c.ask("Change", `{"verb":"start","unit":"a.service"}`)
		for len(p.clients) == 0 {
			p.turn()
		}
		old := p.sup
		p.post(func() { panic("out of order") })
		for p.sup == old {
			p.turn()
		}
		if r := c.answer(p); r.Error != control.ErrFailed || !strings.Contains(string(r.Parameters), "discard its state") {
			t.Errorf("who waited is told %+v", r)
		}
		c.ask("Status", `{"unit":"a.service"}`)
		if r := c.answer(p); r.Error != "" || !strings.Contains(string(r.Parameters), `"a.service"`) {
			t.Errorf("status: %+v", r)
		}
	}
	told := 0
	for _, e := range p.history.last("", 0) {
		if strings.Contains(e.Message, "goes on with what runs") {
			told++
		}
	}
	if told != 3 {
		t.Errorf("of 3 panics %d are told of", told)
	}
}

// A million calls of many kinds, four clients' at once, leave PID 1's loop as big
// as it was. On the machines of TestAttackFromOutside so many would take hours.
func TestMillionRequests(t *testing.T) {
	const clients, rounds, window = 4, 2_500, 100
	kinds := []string{`"Status"`, `"Status","parameters":{"unit":"a.service"}`, `"Why","parameters":{"unit":"a.service"}`, `"Events","parameters":{"last":1}`,
		`"List"`, `"Nothing"`, `"Status","parameters":[1]`, `"Status","parameters":{"unit":"b.service"}`, `"Kill","parameters":{"unit":"a.service","signal":-1}`,
		`"Change","parameters":{"verb":"stop","unit":"a.service"}`}
	var batch strings.Builder
	for range window / len(kinds) {
		for _, k := range kinds {
			batch.WriteString(`{"method":"` + control.Interface + "." + k[1:] + "}\x00")
		}
	}
	path := t.TempDir() + "/control"
	p := stubbed(t, path)
	ended := make(chan error, clients)
	for range clients {
		go func() {
			ended <- func() error {
				conn, err := net.Dial("unix", path)
				if err != nil {
					return err
				}
				defer conn.Close()
				r := bufio.NewReader(conn)
				for range rounds {
					if _, err := conn.Write([]byte(batch.String())); err != nil {
						return err
					}
					for range window {
						if _, err := r.ReadSlice(0); err != nil {
							return err
						}
					}
				}
				return nil
			}()
			p.post(func() {}) // so that the last turn ends
		}()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for left := clients; left > 0; {
		select {
		case err := <-ended:
			if left--; err != nil {
				t.Fatal(err)
			}
		default:
			p.turn()
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > 2*before.HeapAlloc {
		t.Errorf("the heap had %d bytes, and has %d", before.HeapAlloc, after.HeapAlloc)
	}
}
