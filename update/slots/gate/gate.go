// Package gate decides whether a boot of a slot is good, and sees to what follows: in the
// slot's record first, then with the loader.
//
//	gate.go  when a boot is good
//	run.go   watching over one
package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// Verdict is what is known of a boot.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota
	Good
	Bad
)

// Gate watches a boot.
type Gate struct {
	plan.Trial
	well  bool
	since time.Duration // … since when, on the clock of what is seen
}

// See takes what PID 1 says of its units. The reason is of a Bad boot.
func (g *Gate) See(r control.StatusReply) (v Verdict, reason string) {
	var ill, waiting []string
	for _, u := range r.Units {
		if !g.asked(u) {
			continue
		}
		switch well, why := condition(u, r.Summary); {
		case why != "":
			ill = append(ill, why)
		case !well:
			waiting = append(waiting, u.Name)
		}
	}
	for _, name := range g.Units {
		if !slices.ContainsFunc(r.Units, func(u supervisor.View) bool { return u.Name == name }) {
			ill = append(ill, fmt.Sprintf("there is no unit %s", name))
		}
	}
	well := len(ill)+len(waiting) == 0
	if !well || !g.well {
		g.well, g.since = well, r.Now
	}
	switch {
	case len(ill) > 0:
		return Bad, strings.Join(ill, "; ")
	case well && r.Now-g.since >= g.For:
		return Good, ""
	case r.Now > g.Within && !well:
		return Bad, fmt.Sprintf("after %v these units were not up and well: %s", g.Within, strings.Join(waiting, " "))
	case r.Now > g.Within+g.For:
		return Bad, fmt.Sprintf("within %v all units were not well for %v", g.Within, g.For)
	}
	return Unknown, ""
}

// asked says whether the boot is judged by a unit.
func (g *Gate) asked(u supervisor.View) bool {
	if len(g.Units) == 0 {
		return u.Enabled
	}
	return slices.Contains(g.Units, u.Name)
}

// condition says whether a unit is as it should be and, where it has failed, how. What is
// started again and again may still come.
func condition(u supervisor.View, sum supervisor.Summary) (well bool, ill string) {
	up := u.Active == "active" || u.Active == "reloading"
	switch {
	case u.Health == supervisor.IsUnhealthy:
		return false, fmt.Sprintf("%s is unhealthy: %s", u.Name, u.HealthCause)
	case u.Active == "failed":
		return false, fmt.Sprintf("%s has failed: %s", u.Name, strings.TrimPrefix(u.Cause, u.Name+": "))
	case up:
		return u.Health != supervisor.HealthUnknown, ""
	}
	// One that has done its work, or has no place on this machine, is missed by nobody.
	return sum.State != "starting" && !slices.Contains(sum.Failed, u.Name), ""
}
