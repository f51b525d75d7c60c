package report

import (
	"cmp"
	"slices"
	"time"

	"clarityos/learn/graph"
	"clarityos/services/control"
)

// atOnce is how soon PID 1 begins a start when nothing holds it back any more. A unit that
// began later after the last of what is declared had waited for something else.
const atOnce = 20 * time.Millisecond

// order is, for each unit, the ones that it starts after, and whether only earlier boots
// have taught it.
type order map[string]map[string]bool

// orderOf joins what is declared with what was learned, which may be nil.
func orderOf(declared []control.UnitRelations, learned []graph.Pair) order {
	o := order{}
	add := func(unit, on string, learned bool) {
		if o[unit] == nil {
			o[unit] = map[string]bool{}
		}
		if _, known := o[unit][on]; !known {
			o[unit][on] = learned
		}
	}
	for _, u := range declared {
		for _, on := range u.After {
			add(u.Name, on, false)
		}
		for _, s := range u.SoftAfter {
			add(u.Name, s.Unit, false)
		}
	}
	for _, p := range learned {
		add(p.Unit, p.On, true)
	}
	return o
}

// waits fills in for what each unit waited between Queued and Begun: of the units that
// it starts after, those whose starts ended then. The one that held it longest is the
// first: the last that came or, when it still did not begin at once, what was learned,
// since that is waited for until what is needed of it is there.
func waits(units []Unit, o order) {
	at := map[string]*Unit{}
	for i := range units {
		at[units[i].Name] = &units[i]
	}
	for i := range units {
		u := &units[i]
		if len(u.Waited) > 0 { // PID 1 has said it
			continue
		}
		for on, learned := range o[u.Name] {
			d := at[on]
			if d == nil || d == u || d.Starting {
				continue
			}
			if end := d.started(); end > u.Queued && end <= u.Begun {
				u.Waited = append(u.Waited, Wait{On: on, Until: end, Learned: learned, Failed: d.Failed})
			}
		}
		slices.SortFunc(u.Waited, func(a, b Wait) int {
			return cmp.Or(cmp.Compare(b.Until, a.Until), cmp.Compare(a.On, b.On))
		})
		if len(u.Waited) > 0 && u.Begun-u.Waited[0].Until > atOnce {
			slices.SortStableFunc(u.Waited, func(a, b Wait) int {
				return cmp.Compare(first(b.Learned), first(a.Learned))
			})
		}
	}
}

func first(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// CriticalPath follows from a unit that is up what it waited for longest, and gives the
// units on the way, the first to begin first. It ends with a unit that began when it was
// asked for. Of a unit that did not start there is none.
func CriticalPath(units []Unit, goal string) []Link {
	at := map[string]*Unit{}
	for i := range units {
		at[units[i].Name] = &units[i]
	}
	path := []Link{}
	u := at[goal]
	if u == nil || u.Ready == 0 {
		return path
	}
	for u != nil && len(path) < len(units) { // a report that was read may have a cycle
		l := Link{Unit: u.Name, Begun: u.Begun, Ready: u.started(), Failed: u.Failed}
		var next *Unit
		if len(u.Waited) > 0 {
			if next = at[u.Waited[0].On]; next != nil {
				l.On, l.Learned = next.Name, u.Waited[0].Learned
			}
		}
		path = append(path, l)
		u = next
	}
	slices.Reverse(path)
	return path
}

// goal is the unit on which a boot's length hung: its target or, when that is not up, the
// unit that was ready last before the boot was complete.
func goal(units []Unit, b Boot) string {
	last := Unit{}
	for _, u := range units {
		if u.Name == b.Target && u.Ready > 0 {
			return u.Name
		}
		if u.Ready > last.Ready && (b.Complete == 0 || u.Ready <= b.Complete) {
			last = u
		}
	}
	return last.Name
}
