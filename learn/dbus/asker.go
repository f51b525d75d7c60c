package dbus

import (
	"fmt"
	"strings"
	"time"
)

const (
	// Connections that are asked for at once, which is as many as there may be, and
	// how many a second from then on.
	asksMost = maxConnections
	asksRate = 50
)

// asker knows what was asked of the bus, and what the answers and signals mean. It
// sends nothing itself.
type asker struct {
	*table
	asks      bucket
	questions map[uint32]question // by serial
	call      func(iface, member string, args arguments) ([]byte, uint32)
	unitOf    func(pid uint32) (unit string, err error)
}

type question struct {
	about string
	reply func(about string, body *cursor, now time.Duration) (asks []byte, facts []Fact)
	// failed is what an error means; nil: that nothing works.
	failed func(about string) []Fact
}

// begin gives the first calls: to be told of changes, before it is asked what there is.
func (a *asker) begin() []byte {
	nothing := func(string, *cursor, time.Duration) ([]byte, []Fact) { return nil, nil }
	watch := a.ask("AddMatch", "", text("type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged'"), nothing, nil)
	return append(watch, a.ask("ListNames", "", arguments{}, a.listed, nil)...)
}

func (a *asker) ask(member, about string, args arguments, reply func(string, *cursor, time.Duration) ([]byte, []Fact), failed func(string) []Fact) []byte {
	raw, serial := a.call(driver, member, args)
	a.questions[serial] = question{about, reply, failed}
	return raw
}

// take takes a message, and gives what to ask next and what was found out.
func (a *asker) take(m message, now time.Duration) (asks []byte, facts []Fact, err error) {
	if m.from != driver || m.body == nil {
		return nil, nil, nil // anybody can send
	}
	if m.kind == kindSignal && m.member == "NameOwnerChanged" {
		name, _, to := m.body.text(), m.body.text(), m.body.text()
		if !m.body.broken {
			asks, facts = a.changed(name, to, now)
		}
		return asks, facts, nil
	}
	q, mine := a.questions[m.replyTo]
	if !mine {
		return nil, nil, nil
	}
	delete(a.questions, m.replyTo)
	switch {
	case m.kind == kindReply:
		asks, facts = q.reply(q.about, m.body, now)
	case m.kind == kindError && q.failed != nil:
		facts = q.failed(q.about)
	case m.kind == kindError:
		return nil, nil, fmt.Errorf("the bus does not tell its names: %s", m.body.text())
	}
	return asks, facts, nil
}

func (a *asker) changed(name, to string, now time.Duration) (asks []byte, facts []Fact) {
	switch {
	case !strings.HasPrefix(name, ":"):
		return nil, a.owned(name, to, now)
	case to == "":
		a.ended(name)
		return nil, nil
	}
	return a.connected(name, now)
}

// connected asks for the process of a connection, if there is room.
func (a *asker) connected(name string, now time.Duration) ([]byte, []Fact) {
	switch {
	case !a.opened(name):
		return nil, nil
	case !a.asks.take(now, 1):
		return nil, a.missing(name)
	}
	return a.ask("GetConnectionUnixProcessID", name, text(name), a.looksUp, a.missing), nil
}

// missing says that a connection's unit will not be known.
func (a *asker) missing(name string) []Fact { return a.of(name, "", missed) }

func (a *asker) looksUp(name string, body *cursor, _ time.Duration) ([]byte, []Fact) {
	pid := body.number()
	unit, err := a.unitOf(pid)
	return nil, a.process(name, pid, unit, err != nil)
}

// listed takes the names that there are, connections and others.
func (a *asker) listed(_ string, body *cursor, now time.Duration) (asks []byte, facts []Fact) {
	for n, name := range body.texts() {
		switch {
		case n >= maxConnections+maxNames:
			a.Dropped++
		case strings.HasPrefix(name, ":"):
			more, f := a.connected(name, now)
			asks, facts = append(asks, more...), append(facts, f...)
		case name != driver:
			none := func(string) []Fact { return nil } // it was given up meanwhile
			asks = append(asks, a.ask("GetNameOwner", name, text(name), a.had, none)...)
		}
	}
	return asks, facts
}

// had takes who has had a name since before that was watched.
func (a *asker) had(name string, body *cursor, _ time.Duration) ([]byte, []Fact) {
	return nil, a.owned(name, body.text(), 0)
}
