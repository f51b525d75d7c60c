package dbus

import "time"

// settle is how long it takes, at least, until whom a connection belongs to is
// concluded from all others: those who call now and then are known by then.
const settle = 10 * time.Second

// met is a process that was seen to connect.
type met struct {
	pid   uint32
	unit  string
	found bool // it is known by a connection
}

// process says which process has a connection and, unless it has ended, its unit.
func (t *table) process(unique string, pid uint32, unit string, ended bool) []Fact {
	if !ended {
		return t.of(unique, unit, known)
	}
	for _, m := range t.met {
		if m.pid == pid && !m.found {
			return t.of(unique, m.unit, known)
		}
	}
	if c := t.connections[unique]; c != nil {
		c.pid = pid
	}
	return t.of(unique, "", missed)
}

// connects says that a process of a unit was seen to connect: who does so and then
// forks has ended when it is looked at.
func (t *table) connects(pid uint32, unit string) []Fact {
	m := met{pid: pid, unit: unit}
	for unique, c := range t.connections {
		if c.state == missed && c.pid == pid && pid != 0 {
			return t.of(unique, unit, known)
		}
		m.found = m.found || c.unit == unit && !c.ended
	}
	if t.met = append(t.met, m); len(t.met) > maxMet {
		t.met = t.met[1:]
	}
	return nil
}

// rest gives what follows for a connection that was missed and is called, and has
// been for settle: if it is the only one of these that has names, and only one unit
// that is up was seen to connect and is known by no connection, it is that unit's.
// A bus since 1.15.8 does not tell the process of who has forked and ended.
func (t *table) rest(unique string, at time.Duration) []Fact {
	c := t.connections[unique]
	if c.missedAt == 0 {
		c.missedAt = at
	}
	if at-c.missedAt < settle {
		return nil
	}
	unit := ""
	for _, m := range t.met {
		switch {
		case m.found || m.unit == unit || !t.up(m.unit):
		case unit != "":
			return nil
		default:
			unit = m.unit
		}
	}
	for _, other := range t.connections {
		if other != c && other.state == missed && !other.ended && len(other.names) > 0 {
			return nil
		}
	}
	if unit == "" {
		return nil
	}
	return t.of(unique, unit, known)
}
