package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/services/plan"
)

// View is what there is to know about one unit at one moment. Times are on the
// clock of Fold, in nanoseconds; 0 is never.
type View struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Active      string        `json:"active"` // inactive, failed, activating, active, reloading, deactivating
	Phase       Phase         `json:"phase"`
	Since       time.Duration `json:"since"`
	Enabled     bool          `json:"enabled"`
	Job         Verb          `json:"job,omitempty"`
	WaitsFor    []string      `json:"waitsFor,omitempty"`
	Deadline    time.Duration `json:"deadline,omitempty"`
	Result      Result        `json:"result,omitempty"`
	Cause       string        `json:"cause,omitempty"`
	Status      string        `json:"status,omitempty"`
	MainPID     int           `json:"mainPid,omitempty"`
	ControlPID  int           `json:"controlPid,omitempty"`
	Invocation  uint64        `json:"invocation,omitempty"`
	Restarts    int           `json:"restarts,omitempty"`
	Abandoned   bool          `json:"abandoned,omitempty"` // an earlier run left processes that could not be killed
	Queued      time.Duration `json:"queued,omitempty"`    // the latest start was asked for
	Begun       time.Duration `json:"begun,omitempty"`     // … left its queue
	Up          time.Duration `json:"up,omitempty"`        // … was ready
	Sources     []string      `json:"sources,omitempty"`
	Component   string        `json:"component,omitempty"`
	Errno       int           `json:"errno,omitempty"`  // what the service said with ERRNO=
	Health      HealthState   `json:"health,omitempty"` // "" without probes
	HealthCause string        `json:"healthCause,omitempty"`
	Probed      time.Duration `json:"probed,omitempty"` // when the last probe of its health ended
	ProbeTook   time.Duration `json:"probeTook,omitempty"`
	ProbesBad   int           `json:"probesBad,omitempty"` // so many in a row have failed
	Watchdog    time.Duration `json:"watchdog,omitempty"`  // when it has to say WATCHDOG=1 at the latest
}

// Summary is the state of the system as a whole.
type Summary struct {
	State     string        `json:"state"` // starting, running, degraded, stopping
	Default   string        `json:"default"`
	BootTime  time.Duration `json:"bootTime,omitempty"` // when the boot's last job ended
	Up        int           `json:"up"`
	Unhealthy []string      `json:"unhealthy,omitempty"` // units whose probes fail
	Failed    []string      `json:"failed,omitempty"`    // enabled units that are not up although nothing excuses it
	Waiting   []string      `json:"waiting,omitempty"`   // units with a job or on their way
	Cycles    []string      `json:"cycles,omitempty"`    // of the order, and what was left out of each
}

// View describes one unit; ok is false when there is none of that name.
func (s *Supervisor) View(name string) (v View, ok bool) {
	u := s.byName[name]
	if u == nil {
		return View{}, false
	}
	return s.view(u), true
}

// Views describes every unit, sorted by name.
func (s *Supervisor) Views() []View {
	out := make([]View, 0, len(s.units))
	for _, u := range s.units {
		out = append(out, s.view(u))
	}
	slices.SortFunc(out, func(a, b View) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s *Supervisor) view(u *unit) View {
	v := View{
		Name: u.Name, Description: u.Description, Active: u.phase.Active(), Phase: u.phase, Since: u.since,
		Enabled: u.Enabled, Deadline: u.deadline, Result: u.result, Cause: u.cause, Status: u.status,
		Invocation: u.invocation, Restarts: u.restarts, Abandoned: u.abandoned,
		Queued: u.queued, Begun: u.begun, Up: u.active, Sources: u.Sources,
	}
	if u.Service != nil {
		v.Component, v.Health, v.HealthCause = u.Service.Component, u.health.state, u.health.cause
		v.Probed, v.ProbeTook, v.ProbesBad = u.health.ended, u.health.took, u.health.bad
		v.Errno, v.Watchdog = u.errno, u.watchdog.deadline
		if u.Service.Health != nil && v.Health == "" {
			v.Health = HealthUnknown
		}
	}
	if u.main.alive {
		v.MainPID = u.main.pid
	}
	if u.control.alive {
		v.ControlPID = u.control.pid
	}
	if u.job != nil {
		v.Job = u.job.verb
		if !u.job.running {
			v.WaitsFor = s.waitsFor(u, 0)
		}
	}
	return v
}

// excused says whether a unit that is not up is none the worse for it.
func (u *unit) excused() bool {
	return u.phase == Dead && (u.result == Unmet || u.result == Success && u.active != 0)
}

// settling is how many restarts in a row a unit may take before it counts as
// failed rather than as still on its way.
const settling = 3

// Summary describes the system as a whole. It is starting until every job of
// the boot has ended and no enabled unit is on its way up or down.
func (s *Supervisor) Summary() Summary {
	sum := Summary{Default: s.plan.Default, BootTime: s.bootTime, State: "running"}
	for _, u := range s.units {
		if u.health.state == IsUnhealthy {
			sum.Unhealthy = append(sum.Unhealthy, u.Name)
		}
		switch {
		case u.job != nil:
			sum.Waiting = append(sum.Waiting, u.Name)
		case u.phase.up():
			sum.Up++
		case u.phase == Failed && (u.Enabled || u.everUp), u.phase == Backoff && u.restarts > settling:
			sum.Failed = append(sum.Failed, u.Name)
		case u.Enabled && !u.phase.down(), u.phase == Backoff:
			sum.Waiting = append(sum.Waiting, u.Name)
		case u.Enabled && s.booted && !u.excused() && !u.stopWanted:
			sum.Failed = append(sum.Failed, u.Name)
		}
	}
	for _, f := range s.cycles {
		sum.Cycles = append(sum.Cycles, f.String())
	}
	slices.Sort(sum.Failed)
	slices.Sort(sum.Waiting)
	switch {
	case s.halt != "":
		sum.State = "stopping"
	case !s.booted || len(sum.Waiting) > 0:
		sum.State = "starting"
	case len(sum.Failed) > 0 || len(sum.Cycles) > 0 || len(sum.Unhealthy) > 0:
		sum.State = "degraded"
	}
	return sum
}

// Unit gives what the plan says about a unit; nil when there is none.
func (s *Supervisor) Unit(name string) *plan.Unit {
	if u := s.byName[name]; u != nil {
		return u.Unit
	}
	return nil
}

// Why explains a unit's state in lines for people: each cause below its effect,
// then what failed or waits because of it, and what a person can do next.
func (s *Supervisor) Why(name string) ([]string, bool) {
	u := s.byName[name]
	if u == nil {
		return nil, false
	}
	var out []string
	seen := map[*unit]bool{}
	var tell func(*unit, string)
	tell = func(u *unit, indent string) {
		seen[u] = true
		out = append(out, indent+s.sentence(u))
		for _, d := range slices.Concat(u.requires, u.bindsTo, u.requisite, u.after, u.before, u.conflicts) {
			holds := u.job != nil && !u.job.running && d.job != nil
			broke := u.result == Dependency && slices.Contains(d.requiredBy, u) && d.result != Success && d.result != ""
			if (holds || broke) && !seen[d] {
				tell(d, indent+"  ")
			}
		}
	}
	tell(u, "")
	if hit := s.because(u); len(hit) > 0 {
		out = append(out, "because of it: "+strings.Join(hit, ", "))
	}
	for _, n := range s.next(u) {
		out = append(out, "next: "+n)
	}
	return out, true
}

func (s *Supervisor) sentence(u *unit) string {
	for_ := (s.now - u.since).Round(time.Millisecond)
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s", u.Name, u.phase.Active())
	if string(u.phase) != u.phase.Active() {
		fmt.Fprintf(&b, " (%s)", u.phase)
	}
	if u.since != 0 || u.phase != Dead {
		fmt.Fprintf(&b, " for %v", for_)
	}
	if u.deadline != 0 {
		fmt.Fprintf(&b, ", at most %v more", (u.deadline - s.now).Round(time.Millisecond))
	}
	switch {
	case u.cause != "" && u.result != Success:
		fmt.Fprintf(&b, ": %s (%s)", u.cause, u.result)
	case u.cause != "":
		fmt.Fprintf(&b, ": %s", u.cause)
	case u.phase == Dead && u.stopWanted:
		b.WriteString(": it was stopped on request")
	case u.phase == Dead && u.active != 0:
		b.WriteString(": it has done its work")
	case u.phase == Dead && !u.Enabled:
		b.WriteString(": nothing that boot starts wants or requires it")
	}
	if by := s.wantedBy(u); by != "" {
		fmt.Fprintf(&b, "; pulled in by %s", by)
	}
	if u.control.alive || u.main.alive && u.phase == Start {
		fmt.Fprintf(&b, "; it runs %s", u.doing())
	}
	if u.health.state == IsUnhealthy {
		fmt.Fprintf(&b, "; it is unhealthy: %s", u.health.cause)
	}
	if u.restarts > 0 {
		fmt.Fprintf(&b, "; restarted %d times", u.restarts)
	}
	if u.abandoned {
		b.WriteString("; processes of an earlier run could not be killed")
	}
	if u.job != nil && !u.job.running {
		fmt.Fprintf(&b, "; its %s waits for %s", u.job.verb, strings.Join(s.waitsFor(u, 0), " and for "))
	}
	return b.String()
}

func (s *Supervisor) wantedBy(u *unit) string {
	var by []string
	for _, o := range s.units {
		if slices.Contains(o.pulledIn(), u) {
			by = append(by, o.Name)
		}
	}
	if len(by) > 3 {
		by = append(by[:3], fmt.Sprintf("%d more", len(by)-3))
	}
	return strings.Join(by, ", ")
}
