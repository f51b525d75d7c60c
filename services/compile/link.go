package compile

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"clarityos/services/plan"
)

// link turns references into edges between units that exist. Wants= and After=
// of nothing have no effect, as in systemd; Requires= of nothing breaks the
// unit, unless it names a kind that is not run yet.
func (c *compiler) link() {
	for _, name := range c.names() {
		u := c.units[name]
		for _, r := range []struct {
			relation string
			list     *[]string
			missing  missing
		}{
			{"Wants", &u.Wants, told}, {"Upholds", &u.Upholds, told}, {"OnFailure", &u.OnFailure, told}, {"OnSuccess", &u.OnSuccess, told},
			{"Requires", &u.Requires, breaks}, {"BindsTo", &u.BindsTo, breaks}, {"Requisite", &u.Requisite, breaks},
			{"Conflicts", &u.Conflicts, ignored}, {"After", &u.After, ignored}, {"PartOf", &u.PartOf, ignored},
			{"PropagatesReloadTo", &u.PropagatesReloadTo, ignored}, {"StopPropagatedFrom", &u.StopPropagatedFrom, ignored},
		} {
			*r.list = c.resolve(u, *r.list, r.relation, r.missing)
		}
		c.linkSocket(u)
		for i, e := range u.SoftAfter {
			if o := c.find(e.Unit); o != nil {
				u.SoftAfter[i].Unit = o.Name
			}
		}
		u.SoftAfter = slices.DeleteFunc(u.SoftAfter, func(e plan.SoftAfter) bool { return c.units[e.Unit] == nil || e.Unit == u.Name })
	}
	for _, e := range c.inverse {
		from, to := c.find(e.unit), c.find(e.other)
		if from == nil || to == nil || from == to {
			continue
		}
		if list := e.field(&to.Relations); !slices.Contains(*list, from.Name) {
			*list = append(*list, from.Name)
			sort.Strings(*list)
		}
	}
	for _, e := range c.implied {
		if u, other := c.find(e.unit), c.find(e.other); other != nil {
			u.Requires, u.After = insert(u.Requires, other.Name), insert(u.After, other.Name)
		}
	}
	// A target stands after what it pulls in, so that reaching it means that
	// they are up, unless the two are ordered the other way round.
	for _, name := range c.names() {
		u := c.units[name]
		if u.Kind() == "target" && u.Broken == "" {
			for _, n := range slices.Concat(u.Wants, u.Requires, u.BindsTo, u.Upholds) {
				if !slices.Contains(u.After, n) && !slices.Contains(c.units[n].After, u.Name) {
					u.After = append(u.After, n)
				}
			}
		}
		sort.Strings(u.After)
	}
}

// missing says what a reference to a unit that does not exist does.
type missing int

const (
	ignored missing = iota // as in systemd
	told                   // it is a finding
	breaks                 // and the unit cannot start
)

// insert adds a name to a sorted list that does not hold it.
func insert(list []string, name string) []string {
	i, has := slices.BinarySearch(list, name)
	if has {
		return list
	}
	return slices.Insert(list, i, name)
}

// linkSocket finds the service of a socket, and the sockets that a service is
// given: those that it names, then those that name it.
func (c *compiler) linkSocket(u *plan.Unit) {
	if u.Service != nil {
		u.Service.Sockets = c.resolve(u, u.Service.Sockets, "Sockets", told)
	}
	if u.Socket == nil || u.Broken != "" {
		return
	}
	to := c.find(u.Socket.Service)
	if to == nil || to.Service == nil {
		u.Broken = fmt.Sprintf("its service %s does not exist", u.Socket.Service)
		c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Missing, Message: u.Broken})
		return
	}
	u.Socket.Service = to.Name
	to.Service.Sockets = insert(to.Service.Sockets, u.Name)
}

func (c *compiler) resolve(u *plan.Unit, names []string, relation string, lack missing) []string {
	var out []string
	for _, n := range names {
		other := c.find(n)
		switch {
		case other == u:
		case other != nil && other.Broken == masked && lack == told:
			c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Missing,
				Message: fmt.Sprintf("%s=%s has no effect: the unit is masked", relation, n)})
		case other != nil:
			if !slices.Contains(out, other.Name) {
				out = append(out, other.Name)
			}
		case lack == ignored:
		case strings.HasPrefix(u.Sources[0], builtinDir): // it names components that this system does without
		case path.Ext(n) == ".slice": // a folder of cgroups, there when it is needed
		case runs(n):
			c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Missing,
				Message: fmt.Sprintf("%s=%s names a unit that does not exist", relation, n)})
			if lack == breaks && u.Broken == "" {
				u.Broken = fmt.Sprintf("it requires %s, which does not exist", n)
			}
		default:
			c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Unenforced,
				Message: fmt.Sprintf("%s=%s has no effect: units of kind %s are not run yet", relation, n, path.Ext(n))})
		}
	}
	sort.Strings(out)
	return out
}

// breakCycles leaves out the weakest ordering edge of each cycle until none is
// left. No job is lost by that: the units still start, without that order.
//
// The weakest edge is, in this order: one that neither side's requirements ask
// for, then one that a Wants= goes with, then one that a Requires= goes with;
// among equals the one whose names sort first, so that the same units always
// give the same plan.
func (c *compiler) breakCycles() {
	for {
		cycle := c.findCycle()
		if cycle == nil {
			return
		}
		weakest, best := 0, 99
		for i, name := range cycle {
			next := cycle[(i+1)%len(cycle)]
			if s := c.strength(name, next); s < best || s == best && name+" "+next < cycle[weakest]+" "+cycle[(weakest+1)%len(cycle)] {
				weakest, best = i, s
			}
		}
		u, dep := c.units[cycle[weakest]], cycle[(weakest+1)%len(cycle)]
		u.After = slices.DeleteFunc(u.After, func(n string) bool { return n == dep })
		c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Cycle, Message: fmt.Sprintf(
			"ordering cycle %s after %s: left out %q after %q, so they may start in any order",
			strings.Join(cycle, " after "), cycle[0], u.Name, dep)})
	}
}

func (c *compiler) strength(name, dep string) int {
	u := c.units[name]
	switch {
	case slices.Contains(u.Requires, dep):
		return 2
	case slices.Contains(u.Wants, dep):
		return 1
	}
	return 0
}

// findCycle gives the units of one cycle, each After the next, or nil.
func (c *compiler) findCycle() []string {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var stack, cycle []string
	var visit func(string) bool
	visit = func(n string) bool {
		state[n] = open
		stack = append(stack, n)
		for _, d := range c.units[n].After {
			if state[d] == open {
				cycle = slices.Clone(stack[slices.Index(stack, d):])
				return true
			}
			if state[d] == 0 && visit(d) {
				return true
			}
		}
		stack = stack[:len(stack)-1]
		state[n] = done
		return false
	}
	for _, n := range c.names() {
		if state[n] == 0 && visit(n) {
			return cycle
		}
	}
	return nil
}
