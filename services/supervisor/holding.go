package supervisor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/services/plan"
)

// Hold is a unit that is under way and waits for no other unit: what others
// wait for in the end.
type Hold struct {
	Unit    string        `json:"unit"`
	Phase   Phase         `json:"phase"`
	For     time.Duration `json:"for"`               // in this phase
	Left    time.Duration `json:"left,omitempty"`    // of it, at most; 0: it may take for ever
	Doing   string        `json:"doing,omitempty"`   // in words
	Waiting int           `json:"waiting,omitempty"` // how many jobs wait for it, directly or not
}

// ExplainBoot is a word of the kernel's command line: the console is told all,
// whether the boot is quiet or not.
const ExplainBoot = "clarity.explain"

// BootWaits begins each line in which PID 1 says what the boot waits for; a Hold
// follows.
const BootWaits = "boot waits for "

// String is one line for people, which begins with the unit.
func (h Hold) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s for %v", h.Unit, h.Phase, h.For.Round(time.Second))
	if h.Left > 0 {
		fmt.Fprintf(&b, ", at most %v more", h.Left.Round(time.Second))
	} else {
		b.WriteString(", without a limit")
	}
	b.WriteString(")")
	if h.Doing != "" {
		b.WriteString(": " + h.Doing)
	}
	switch h.Waiting {
	case 0:
	case 1:
		b.WriteString("; 1 job waits for it")
	default:
		fmt.Fprintf(&b, "; %d jobs wait for it", h.Waiting)
	}
	return b.String()
}

// Holding reduces what the job of a unit waits for to where it begins, most
// waited for first. With "" it does so for everything that is under way.
func (s *Supervisor) Holding(name string) []Hold {
	waiting, wanted := map[*unit]int{}, map[*unit]bool{}
	for _, u := range s.units {
		if !u.underWay() {
			continue
		}
		for r := range s.roots(u) {
			if r != u {
				waiting[r]++
			}
			if name == "" || u.Name == name {
				wanted[r] = true
			}
		}
	}
	var out []Hold
	for r := range wanted {
		out = append(out, s.hold(r, waiting[r]))
	}
	slices.SortFunc(out, func(a, b Hold) int {
		return cmp.Or(b.Waiting-a.Waiting, cmp.Compare(a.Unit, b.Unit))
	})
	return out
}

func (s *Supervisor) hold(u *unit, waiting int) Hold {
	h := Hold{Unit: u.Name, Phase: u.phase, For: s.now - u.since, Waiting: waiting}
	if u.deadline > 0 {
		h.Left = max(u.deadline-s.now, 1)
	}
	switch {
	case u.job != nil && !u.job.running:
		h.Doing = fmt.Sprintf("its %s waits for %s", u.job.verb, strings.Join(s.waitsFor(u, 0), " and for "))
	case u.phase == Backoff:
		h.Doing = "it failed and is started again: " + u.cause
		if u.blamed != nil {
			h.Doing += "; " + s.excuse(u)
		}
	case u.phase == Start && u.main.alive && u.Service.Type == plan.Oneshot, u.control.alive:
		h.Doing = fmt.Sprintf("%q has not ended", u.doing())
	case u.phase == Start && u.main.alive:
		h.Doing = fmt.Sprintf("%q runs and is not ready by the rules of Type=%s", u.doing(), u.Service.Type)
	case u.phase == StopTerm || u.phase == StopKill || u.phase == FinalKill:
		h.Doing = "processes of it have not ended"
	}
	if u.status != "" {
		h.Doing += fmt.Sprintf("; its status is %q", u.status)
	}
	return h
}

// underWay says whether something is still to happen to the unit.
func (u *unit) underWay() bool { return u.job != nil || !u.phase.up() && !u.phase.rests() }

// blockers are the units that keep u's job from beginning; waitsFor says the
// same in words.
func (s *Supervisor) blockers(u *unit) []*unit {
	j := u.job
	if j == nil || j.running {
		return nil
	}
	var out []*unit
	add := func(list []*unit, holds func(*unit) bool) {
		for _, d := range list {
			if d.job != nil && holds(d) {
				out = append(out, d)
			}
		}
	}
	stops := func(d *unit) bool { return d.job.stops() }
	switch {
	case j.stops():
		add(u.before, stops)
		if s.halt != "" && u.component() {
			add(s.units, func(d *unit) bool { return d.Service != nil && !d.component() && !d.early && d.job.stops() })
		}
		if len(out) == 0 && s.givesWay(u) > 0 {
			add(u.users, stops)
		}
	case j.starts():
		add(u.after, func(d *unit) bool { return d.job.verb != VerbReload && (!d.job.unasked || j.unasked) })
		add(u.before, stops)
		add(u.conflicts, stops)
		if len(out) == 0 && !u.phase.stopping() && s.givesWay(u) > 0 {
			for _, e := range u.softAfter {
				add([]*unit{e.unit}, func(d *unit) bool { return d.job.starts() })
			}
			for _, e := range u.awaits() {
				out = append(out, e.unit)
			}
			if s.goalWait(u) > 0 {
				out = append(out, s.goalOpen(u)...)
			}
			if len(out) == 0 && s.widthWait(u) > 0 {
				out = append(out, s.onTheWay()...)
			}
		}
	}
	return out
}

// roots are the units where the waits of u's job begin: u itself when it waits
// for no other.
func (s *Supervisor) roots(u *unit) map[*unit]bool {
	roots, seen := map[*unit]bool{}, map[*unit]bool{}
	var walk func(*unit)
	walk = func(u *unit) {
		if seen[u] {
			return
		}
		seen[u] = true
		by := s.blockers(u)
		if len(by) == 0 || u.phase.stopping() {
			roots[u] = true
		}
		for _, b := range by {
			walk(b)
		}
	}
	walk(u)
	return roots
}
