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
		u.Wants = c.resolve(u, u.Wants, "Wants", false)
		u.Requires = c.resolve(u, u.Requires, "Requires", true)
		u.Conflicts = c.resolve(u, u.Conflicts, "Conflicts", false)
		u.After = c.resolve(u, u.After, "After", false)
	}
	for _, e := range c.before {
		before, after := c.find(e.unit), c.find(e.other)
		if before != nil && after != nil && before != after && !slices.Contains(after.After, before.Name) {
			after.After = append(after.After, before.Name)
		}
	}
	// A target stands after what it pulls in, so that reaching it means that
	// they are up, unless the two are ordered the other way round.
	for _, name := range c.names() {
		u := c.units[name]
		if u.Service == nil && u.Broken == "" {
			for _, n := range append(slices.Clone(u.Wants), u.Requires...) {
				if !slices.Contains(u.After, n) && !slices.Contains(c.units[n].After, u.Name) {
					u.After = append(u.After, n)
				}
			}
		}
		sort.Strings(u.After)
	}
}

func (c *compiler) resolve(u *plan.Unit, names []string, relation string, need bool) []string {
	var out []string
	for _, n := range names {
		other := c.find(n)
		switch {
		case other == u:
		case other != nil && other.Broken == masked && relation == "Wants":
			c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Missing,
				Message: fmt.Sprintf("Wants=%s has no effect: the unit is masked", n)})
		case other != nil:
			if !slices.Contains(out, other.Name) {
				out = append(out, other.Name)
			}
		case relation == "After" || relation == "Conflicts":
		case strings.HasPrefix(u.Sources[0], builtinDir): // it names components that this system does without
		case path.Ext(n) == ".service" || path.Ext(n) == ".target":
			if strings.Contains(n, "@") {
				c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Unenforced,
					Message: fmt.Sprintf("%s=%s has no effect: template instances are not run yet", relation, n)})
				continue
			}
			c.finding(plan.Finding{Unit: u.Name, File: u.Sources[0], Kind: plan.Missing,
				Message: fmt.Sprintf("%s=%s names a unit that does not exist", relation, n)})
			if need && u.Broken == "" {
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
