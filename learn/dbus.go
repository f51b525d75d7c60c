package learn

import (
	"os"

	"clarityos/learn/dbus"
	"clarityos/learn/observe"
	"clarityos/learn/status"
	"clarityos/services/bus"
)

// dbusWatch follows the system's D-Bus, where a machine has one.
type dbusWatch struct {
	*dbus.Watcher
	changed chan struct{}   // that it may be there now
	up      map[string]bool // units that are up, or are about to be; by the component's lock
}

func (c *component) watchDBus() dbusWatch {
	up := map[string]bool{}
	return dbusWatch{changed: make(chan struct{}, 1), up: up, Watcher: dbus.New(dbus.Config{
		Socket: dbus.Path, Proc: os.DirFS("/proc"), Now: bootTime, Say: c.Say,
		Tell: func(facts []dbus.Fact) {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, f := range facts {
				c.publish(c.fact(f))
			}
		},
		Serving: func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return up[c.picture.Holder("unix:"+dbus.Path)]
		},
		Up: func(unit string) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return up[unit]
		}})}
}

// unit says in which state a unit is; it needs the component's lock.
func (d dbusWatch) unit(name, active string) {
	switch active {
	case "activating", "active", "reloading":
		d.up[name] = true
	default:
		delete(d.up, name)
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// state must not be asked for with the component's lock, which Tell takes.
func (d dbusWatch) state() status.DBus {
	s := d.State()
	return status.DBus{Names: s.Names, Connections: s.Connections, Calls: s.Calls, Unknown: s.Unknown, Dropped: s.Dropped, Away: s.Away}
}

// meets has a process that connects to the bus be known by its unit. It takes the
// component's lock.
func (c *component) meets(s observe.Sight) {
	if s.Kind == observe.Connect && s.Errno == 0 && s.Endpoint == "unix:"+dbus.Path {
		c.mu.Lock()
		unit := c.picture.Unit(s.Cgroup)
		c.mu.Unlock()
		c.dbus.Connects(s.PID, unit)
	}
}

// fact folds one; it needs the lock.
func (c *component) fact(f dbus.Fact) []bus.Body {
	name := observe.Endpoint("bus:" + f.Name)
	switch f.What {
	case dbus.Owned:
		return c.picture.Holds(f.Unit, name, f.At, f.At)
	case dbus.Lost:
		return c.picture.Lost(name)
	case dbus.Called:
		return c.picture.Calls(f.Unit, name, f.At)
	}
	return nil
}
