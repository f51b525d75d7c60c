package pid1

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/bus"
	"clarityos/services/control"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

const limit = 20 * time.Second

// fake is a PID 1 that says what a test wants.
type fake struct {
	*testing.T
	mu     sync.Mutex
	state  control.StatusReply
	stream net.Conn // who follows the events
	begun  chan struct{}
}

func newFake(t *testing.T, path string) *fake {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := &fake{T: t, begun: make(chan struct{}, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f
}

func (f *fake) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		b, err := in.ReadBytes(0)
		if err != nil {
			c.Close()
			return
		}
		var call varlink.Call
		if err := json.Unmarshal(b[:len(b)-1], &call); err != nil {
			f.Error(err)
		}
		f.mu.Lock()
		if call.Method == control.Interface+".Events" {
			f.stream = c
			f.write(c, control.EventsReply{}, true)
			f.begun <- struct{}{}
		} else {
			f.write(c, f.state, false)
		}
		f.mu.Unlock()
	}
}

func (f *fake) write(c net.Conn, parameters any, continues bool) {
	raw, err := json.Marshal(parameters)
	if err == nil {
		raw, err = varlink.Encode(varlink.Reply{Parameters: raw, Continues: continues})
	}
	if err == nil {
		_, err = c.Write(raw)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		f.Error(err)
	}
}

// set has later questions answered with a state as it is at a moment.
func (f *fake) set(at time.Duration, units ...supervisor.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = control.StatusReply{Now: at, Summary: supervisor.Summary{State: "running"}, Units: units}
}

func (f *fake) tell(lost uint64, events ...control.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write(f.stream, control.EventsReply{Events: events, Lost: lost}, true)
}

// told takes what was published, as words.
type told struct {
	mu  sync.Mutex
	all []string
}

func (o *told) publish(m bus.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.Gone {
		o.all = append(o.all, m.Topic+" "+m.Key+" gone")
		return nil
	}
	b, err := bus.Decode(m)
	if err != nil {
		return err
	}
	switch b := b.(type) {
	case *bus.UnitState:
		o.all = append(o.all, fmt.Sprintf("%s %s %s", b.Unit, b.Phase, b.Result))
	case *bus.HealthState:
		o.all = append(o.all, fmt.Sprintf("%s %s", b.Unit, b.State))
	case *bus.UnitJob:
		o.all = append(o.all, fmt.Sprintf("%s job %s", b.Unit, b.Outcome))
	case *bus.BootMessage:
		o.all = append(o.all, "said "+b.Message)
	case *bus.BootState:
		o.all = append(o.all, "system "+b.State)
	}
	return nil
}

// expect waits for so much to be published, and takes it.
func (o *told) expect(t *testing.T, want ...string) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		got := o.all
		if len(got) >= len(want) || time.Now().After(end) {
			o.all = nil
			o.mu.Unlock()
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
			return
		}
		o.mu.Unlock()
	}
}

func TestFeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	f := newFake(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var o told
	feed := Feed{Control: path, Publish: o.publish, Say: func(s string) { t.Log(s) }}
	kept := []bus.Message{
		{Topic: "unit.state", Key: "old.service", Seq: 5, Body: json.RawMessage(`{}`)},
		{Topic: "unit.state", Key: "same.service", Seq: 6, Body: json.RawMessage(`{"unit":"same.service","active":"active","phase":"running","since":3}`)},
	}
	f.set(100, supervisor.View{Name: "a.service", Active: "active", Phase: supervisor.Running, Result: supervisor.Success, Health: supervisor.Healthy},
		supervisor.View{Name: "same.service", Active: "active", Phase: supervisor.Running, Since: 3})
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { feed.Run(ctx, kept) })
	o.expect(t, "a.service running ", "a.service healthy", "unit.state old.service gone", "system running")

	// What is older than the state that was asked for is part of it.
	f.tell(0, control.Event{At: 4, Kind: control.EventMessage, Message: "of an earlier life of the bus"},
		control.Event{At: 98, Kind: control.EventMessage, Message: "hello"},
		control.Event{At: 99, Kind: control.EventPhase, Unit: "a.service", To: supervisor.Dead},
		control.Event{At: 101, Kind: control.EventPhase, Unit: "a.service", From: supervisor.Running, To: supervisor.Failed, Result: supervisor.ExitCode},
		control.Event{At: 102, Kind: control.EventHealth, Unit: "a.service", Health: supervisor.HealthUnknown},
		control.Event{At: 103, Kind: control.EventJob, Unit: "a.service", Outcome: supervisor.OutcomeDone})
	o.expect(t, "said hello", "a.service failed exit-code", "a.service unknown", "a.service job done")

	// What was not read in time is looked up; what the bus knows is not told again.
	f.set(200, supervisor.View{Name: "a.service", Active: "failed", Phase: supervisor.Failed, Result: supervisor.ExitCode, Since: 101, Health: supervisor.HealthUnknown},
		supervisor.View{Name: "b.service", Active: "active", Phase: supervisor.Running})
	f.tell(7, control.Event{At: 150, Kind: control.EventPhase, Unit: "b.service", To: supervisor.Dead})
	o.expect(t, "b.service running ", "unit.state same.service gone")

	// PID 1 hangs up, as it does on who does not read.
	f.mu.Lock()
	f.state.Units = nil
	f.stream.Close()
	f.mu.Unlock()
	o.expect(t, "unit.state a.service gone", "unit.state b.service gone", "health.state a.service gone")
}
