package main

import (
	"slices"

	server "clarityos/init/control"
	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// keptEvents is how many events PID 1 remembers, for who asks later.
const keptEvents = 256

// history is what has happened of late, and who listens. It belongs to the
// loop and never waits for a listener.
type history struct {
	seq       uint64
	ring      []control.Event // the event with number n is at n % keptEvents
	listeners []*listener
}

// listener is a client that is told events as they come; lost counts those that
// it did not read in time.
type listener struct {
	conn *server.Conn
	unit string // "": all
	lost uint64
}

func (l *listener) wants(e control.Event) bool { return l.unit == "" || l.unit == e.Unit }

func (h *history) add(e control.Event) {
	h.seq++
	e.Seq, e.At = h.seq, now()
	if len(h.ring) < keptEvents {
		h.ring = append(h.ring, control.Event{})
	}
	h.ring[int(h.seq-1)%keptEvents] = e
	for _, l := range slices.Clone(h.listeners) { // one whose connection breaks leaves the list
		switch {
		case !l.wants(e):
		case l.conn.Send(control.EventsReply{Events: []control.Event{e}, Lost: l.lost}):
			l.lost = 0
		default:
			l.lost++
		}
	}
}

// last gives the latest events of a unit ("": all), at most n of them (0: all
// that are kept), oldest first.
func (h *history) last(unit string, n int) []control.Event {
	out := []control.Event{}
	want := listener{unit: unit}
	for i := range h.ring {
		e := h.ring[(int(h.seq)+i)%len(h.ring)]
		if want.wants(e) {
			out = append(out, e)
		}
	}
	if n > 0 && len(out) > n {
		out = out[len(out)-n:]
	}
	return out
}

func (h *history) changed(a supervisor.Changed) {
	h.add(control.Event{Unit: a.Unit, Kind: control.EventPhase, From: a.From, To: a.To, Result: a.Result, Message: a.Cause})
}

func (h *history) health(a supervisor.Health) {
	h.add(control.Event{Unit: a.Unit, Kind: control.EventHealth, Health: a.State, Message: a.Cause})
}

func (h *history) done(d supervisor.Done) {
	h.add(control.Event{Unit: d.Unit, Kind: control.EventJob, Outcome: d.Outcome, Message: d.Message})
}

func (h *history) record(r supervisor.Record) {
	h.add(control.Event{Unit: r.Unit, Kind: control.EventMessage, Priority: r.Priority, Message: r.Message})
}

// events answers with what is kept and, when the client asks for more, goes on
// with what comes.
func (p *pid1) events(c *server.Conn, a control.EventsArgs) {
	if a.Unit != "" && p.sup.Unit(a.Unit) == nil {
		c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: a.Unit})
		return
	}
	r := control.EventsReply{Events: p.history.last(a.Unit, a.Last)}
	if !c.More {
		c.Reply(r)
		return
	}
	l := &listener{conn: c, unit: a.Unit}
	p.history.listeners = append(p.history.listeners, l)
	c.Closed = func() {
		p.history.listeners = slices.DeleteFunc(p.history.listeners, func(o *listener) bool { return o == l })
	}
	c.Send(r)
}
