package dbus

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Bounds on what is remembered. One user has at most 256 connections by the bus's
// default (max_connections_per_user), so that no user takes all room for names.
const (
	maxConnections = 2048
	maxClosed      = 256 // connections that are closed, whose calls the monitor may still tell
	maxNames       = 4096
	maxEach        = 8 // names of a connection
	maxWaiting     = 256
	maxMet         = 256
)

// What is what a Fact says.
type What int

// Owned: Unit has Name since At, 0 when it had it before that was seen. Lost: no
// unit has Name. Called: Unit has called Name at At, which somebody may have or not.
const (
	Owned What = iota + 1
	Lost
	Called
)

// Fact is something that was found out.
type Fact struct {
	What       What
	Unit, Name string
	At         time.Duration // CLOCK_BOOTTIME
}

// Counts is what was seen since the beginning.
type Counts struct {
	Connections int // that were asked for their process
	Calls       int // of names other than the bus's own
	Unknown     int // of these those of whom it could not be found out who sent them
	Dropped     int // connections and names for which there was no room
}

// table is what is known. Use newTable.
type table struct {
	connections map[string]*connection // by unique name, which a bus gives only once
	closed      []string               // of these those that are closed, the oldest first
	owners      map[string]owner       // by name
	waiting     []waiting              // until it is known who sends, the oldest first
	met         []met                  // whom somebody else has seen connect, the oldest first
	up          func(unit string) bool
	Counts
}

type connection struct {
	state state
	unit  string // "": it belongs to none
	pid   uint32 // of one that was missed; 0: not known
	names []string
	ended bool
	// missedAt is when one that was missed was called first.
	missedAt time.Duration
}

// state is what is known of a connection.
type state int

const (
	asked state = iota
	known
	missed // its process had ended before it could be looked at
)

type owner struct {
	connection string
	since      time.Duration
}

type waiting struct {
	from string
	call Fact
}

// newTable makes an empty table. Up says whether a unit is, or is about to be.
func newTable(up func(unit string) bool) *table {
	return &table{up: up, connections: map[string]*connection{}, owners: map[string]owner{}}
}

// opened says that there is a connection, and gives whether to ask for its process.
func (t *table) opened(unique string) bool {
	switch {
	case t.connections[unique] != nil:
		return false
	case len(t.connections)-len(t.closed) >= maxConnections:
		t.Dropped++
		return false
	}
	t.connections[unique] = &connection{}
	t.Connections++
	return true
}

// ended says that a connection is no more.
func (t *table) ended(unique string) {
	c := t.connections[unique]
	if c == nil || c.ended {
		return
	}
	c.ended = true
	if t.closed = append(t.closed, unique); len(t.closed) > maxClosed {
		delete(t.connections, t.closed[0])
		t.closed = t.closed[1:]
	}
}

// of says to which unit a connection belongs, with a state of known or missed.
func (t *table) of(unique, unit string, s state) (out []Fact) {
	c := t.connections[unique]
	if c == nil {
		return nil
	}
	c.unit, c.state = unit, s
	for i := range t.met {
		t.met[i].found = t.met[i].found || t.met[i].unit == unit
	}
	if unit != "" {
		for _, n := range c.names {
			out = append(out, Fact{Owned, unit, n, t.owners[n].since})
		}
	}
	t.waiting = slices.DeleteFunc(t.waiting, func(w waiting) bool {
		if w.from != unique {
			return false
		}
		out = append(out, t.from(c, w.call)...)
		return true
	})
	return out
}

// from gives a call whose sender is known.
func (t *table) from(c *connection, call Fact) []Fact {
	switch {
	case c.state == missed:
		t.Unknown++
		return nil
	case c.unit == "":
		return nil
	}
	call.Unit = c.unit
	return []Fact{call}
}

// owned says who has a name: a connection or, with "", nobody.
func (t *table) owned(name, unique string, at time.Duration) []Fact {
	if name == driver || t.owners[name].connection == unique {
		return nil
	}
	before := t.unit(t.owners[name].connection)
	if c := t.connections[t.owners[name].connection]; c != nil {
		c.names = slices.DeleteFunc(c.names, func(n string) bool { return n == name })
	}
	delete(t.owners, name)
	if c := t.connections[unique]; c != nil && len(c.names) < maxEach && len(t.owners) < maxNames {
		c.names = append(c.names, name)
		t.owners[name] = owner{unique, at}
		if c.unit != "" {
			return []Fact{{Owned, c.unit, name, at}}
		}
	} else if unique != "" {
		t.Dropped++
	}
	if before == "" {
		return nil
	}
	return []Fact{{What: Lost, Name: name}}
}

func (t *table) unit(unique string) string {
	if c := t.connections[unique]; c != nil {
		return c.unit
	}
	return ""
}

// called says that a connection has called a name or, by its unique name, another
// connection: that counts for the name which that one has, if it has only one.
func (t *table) called(from, to string, at time.Duration) (out []Fact) {
	if from == "" || to == "" || from == driver || to == driver {
		return nil
	}
	t.Calls++
	unique := t.owners[to].connection
	receiver := t.connections[unique]
	if strings.HasPrefix(to, ":") {
		unique, receiver = to, t.connections[to]
		if receiver == nil || len(receiver.names) != 1 {
			return nil
		}
		to = receiver.names[0]
	}
	if receiver != nil && receiver.state == known && receiver.unit == "" {
		return nil // whose it is belongs to no unit
	}
	if receiver != nil && receiver.state == missed {
		out = t.rest(unique, at)
	}
	call := Fact{What: Called, Name: to, At: at}
	if c := t.connections[from]; c != nil && c.state != asked {
		return append(out, t.from(c, call)...)
	}
	if slices.ContainsFunc(t.waiting, func(w waiting) bool { return w.from == from && w.call.Name == to }) {
		t.Calls-- // it is told as one
		return out
	}
	if len(t.waiting) == maxWaiting {
		t.waiting = t.waiting[1:]
		t.Unknown++
	}
	t.waiting = append(t.waiting, waiting{from, call})
	return out
}

// gone forgets all but the counts, since the bus is no more.
func (t *table) gone() (out []Fact) {
	for _, name := range slices.Sorted(maps.Keys(t.owners)) {
		if t.unit(t.owners[name].connection) != "" {
			out = append(out, Fact{What: Lost, Name: name})
		}
	}
	counts, met := t.Counts, t.met
	*t = *newTable(t.up)
	for i := range met {
		met[i].found = false
	}
	t.Counts, t.met = counts, met
	return out
}
