// Package pid1 publishes for PID 1, which does nothing for it but answer: the bus
// component reads PID 1's states and events and tells the bus. PID 1 waits for
// nobody; what the component did not read in time it looks up.
package pid1

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"clarityos/services/bus"
	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
)

// settle is how long after an event the state of the system is asked for, so
// that it is asked once for many of them.
const settle = 100 * time.Millisecond

// answerMost bounds calls that PID 1 answers at once.
const answerMost = 10 * time.Second

// Feed follows PID 1 and publishes what it says.
type Feed struct {
	Control string // PID 1's socket
	Publish func(bus.Message) error
	Say     func(string)

	kept map[string]map[string]json.RawMessage // by topic and key: what the bus has
	last time.Duration                         // CLOCK_BOOTTIME of the last event that was told
}

// Run follows PID 1 until ctx ends. Kept is what the bus has from before.
func (f *Feed) Run(ctx context.Context, kept []bus.Message) {
	f.kept = map[string]map[string]json.RawMessage{}
	for _, m := range kept {
		f.last = max(f.last, time.Duration(m.Seq))
		f.keep(&m)
	}
	for wait := 20 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		began := time.Now()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		f.Say(fmt.Sprintf("PID 1's events ended: %v; asking again in %v", err, wait))
		if time.Since(began) > time.Minute {
			wait = 20 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// follow publishes the state of everything, and then what changes.
func (f *Feed) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan control.EventsReply, 16)
	ended := make(chan error, 1)
	conn, err := client.Dial(ctx, f.Control)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		ended <- conn.Stream(ctx, "Events", control.EventsArgs{}, func(raw json.RawMessage) error {
			var r control.EventsReply
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			select {
			case events <- r:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	snapshot := time.Duration(0) // events up to then are part of the state that was told
	var due <-chan time.Time
	for {
		select {
		case err := <-ended:
			return err
		case r := <-events:
			if snapshot == 0 || r.Lost > 0 {
				if snapshot, err = f.everything(ctx); err != nil {
					return err
				}
			}
			for _, e := range r.Events {
				f.event(e, snapshot)
			}
			if due == nil {
				due = time.After(settle)
			}
		case <-due:
			due = nil
			var r control.StatusReply
			if err := f.ask(ctx, "Status", control.UnitArgs{}, &r); err != nil {
				return err
			}
			f.system(r)
		}
	}
}

func (f *Feed) ask(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	conn, err := client.Dial(ctx, f.Control)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Call(ctx, method, args, reply)
}

// everything publishes the states of all units as they are at a moment, which it
// gives, and withdraws units that are no more.
func (f *Feed) everything(ctx context.Context) (at time.Duration, err error) {
	var r control.StatusReply
	if err := f.ask(ctx, "List", nil, &r); err != nil {
		return 0, err
	}
	there := map[string]bool{}
	for _, v := range r.Units {
		there[v.Name] = true
		f.tell(&bus.UnitState{Unit: v.Name, Active: v.Active, Phase: string(v.Phase), Result: result(v.Phase, v.Result), Cause: v.Cause, Since: v.Since})
		if v.Health != "" {
			f.tell(&bus.HealthState{Unit: v.Name, State: string(v.Health), Cause: v.HealthCause})
		}
	}
	for _, b := range []bus.Body{&bus.UnitState{}, &bus.HealthState{}} {
		k, _ := b.About()
		for _, unit := range slices.Sorted(maps.Keys(f.kept[k.Topic])) {
			if !there[unit] {
				f.send(bus.Message{Topic: k.Topic, Version: k.Version, Priority: k.Priority, Key: unit, Gone: true})
			}
		}
	}
	f.system(r)
	return r.Now, nil
}

// event publishes one event: of states, those since the snapshot.
func (f *Feed) event(e control.Event, snapshot time.Duration) {
	switch {
	case e.Kind == control.EventPhase && e.At > snapshot:
		f.tell(&bus.UnitState{Unit: e.Unit, Active: e.To.Active(), Phase: string(e.To), Result: result(e.To, e.Result), Cause: e.Message, Since: e.At})
	case e.Kind == control.EventHealth && e.At > snapshot:
		f.tell(&bus.HealthState{Unit: e.Unit, State: string(e.Health), Cause: e.Message})
	case e.At <= f.last:
	case e.Kind == control.EventJob:
		f.tell(&bus.UnitJob{Unit: e.Unit, Outcome: string(e.Outcome), Message: e.Message})
	case e.Kind == control.EventMessage:
		f.tell(&bus.BootMessage{Unit: e.Unit, Priority: e.Priority, Message: e.Message})
	}
	f.last = max(f.last, e.At)
}

// result is told of a run that is over.
func result(p supervisor.Phase, r supervisor.Result) string {
	switch p {
	case supervisor.Dead, supervisor.Failed, supervisor.Backoff:
		return string(r)
	}
	return ""
}

func (f *Feed) system(r control.StatusReply) {
	s := r.Summary
	f.tell(&bus.BootState{System: "system", State: s.State, Init: r.Kernel, Took: s.BootTime, Failed: s.Failed})
}

// tell publishes a message, unless it is a state that the bus has already.
func (f *Feed) tell(b bus.Body) {
	m, err := bus.New(b)
	if err != nil {
		f.Say(err.Error())
		return
	}
	if m.Key != "" && bytes.Equal(f.kept[m.Topic][m.Key], m.Body) {
		return
	}
	f.send(m)
}

func (f *Feed) send(m bus.Message) {
	if err := f.Publish(m); err != nil {
		f.Say(fmt.Sprintf("publish %s of %s: %v", m.Topic, m.Key, err))
		return
	}
	f.keep(&m)
}

func (f *Feed) keep(m *bus.Message) {
	if f.kept[m.Topic] == nil {
		f.kept[m.Topic] = map[string]json.RawMessage{}
	}
	if m.Gone {
		delete(f.kept[m.Topic], m.Key)
		return
	}
	if m.Key != "" {
		f.kept[m.Topic][m.Key] = m.Body
	}
}
