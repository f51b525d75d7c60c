package supervisor

import (
	"slices"
	"time"
)

// Bounds on what goes first in a boot that is ordered by what was learned.
const (
	goalMost  = 30 * time.Second // what the goal does not need waits so long, from the boot's begin
	widthMost = time.Second      // a unit takes one of the places of Order.Width so long, from its begin
)

// ordinary says whether a unit is a service that is not there for others to be started at
// all.
func (u *unit) ordinary() bool { return u.Service != nil && !u.component() && !u.early }

// linkGoal finds what the plan's goal needs: by what is declared and what was learned.
// Without the latter nobody knows, and all are started alike.
func (s *Supervisor) linkGoal() {
	s.goal = nil
	if len(s.order.After) == 0 || len(s.plan.System.Goal) == 0 {
		return
	}
	s.goal = map[*unit]bool{}
	queue := s.find(s.plan.System.Goal)
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		if s.goal[u] {
			continue
		}
		s.goal[u] = true
		queue = slices.Concat(queue, u.pulledIn(), u.after, u.leans, u.sockets, u.triggeredBy)
		for _, e := range u.softAfter {
			queue = append(queue, e.unit)
		}
	}
}

// goalOpen gives the units that u waits for since the goal does not need it: those of the
// goal that are not of use yet, and then one that is started before it, so that what is
// deferred is started one by one.
func (s *Supervisor) goalOpen(u *unit) (out []*unit) {
	for _, d := range s.find(s.plan.System.Goal) {
		if d.job != nil && d.job.starts() || d.phase.up() && d.look.until > 0 {
			out = append(out, d)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, d := range s.units {
		if d != u && d.ordinary() && !s.goal[d] && d.job != nil && d.job.boot && d.job.running {
			return []*unit{d}
		}
	}
	return nil
}

// deferred says whether u is to start in this boot and the goal does not need it, for a
// bounded time.
func (s *Supervisor) deferred(u *unit) bool {
	return s.goal != nil && s.booting && u.job != nil && u.job.boot && u.job.starts() && !s.goal[u] && u.ordinary() && s.now < s.began+goalMost
}

// goalWait is until when a start of the boot waits since the goal does not need it; 0 is
// no wait.
func (s *Supervisor) goalWait(u *unit) time.Duration {
	if !s.deferred(u) || s.bustle.quiet && len(s.goalOpen(u)) == 0 {
		return 0
	}
	return s.began + goalMost
}

// onTheWay gives those that take one of the places of Order.Width.
func (s *Supervisor) onTheWay() (out []*unit) {
	for _, d := range s.starting {
		if (d.job != nil || d.phase.up() && d.look.until > 0) && s.now < d.begun+widthMost {
			out = append(out, d)
		}
	}
	return out
}

// widen takes a place for a start of the boot that begins.
func (s *Supervisor) widen(u *unit) {
	if s.deferred(u) {
		s.bustle = bustle{asked: s.bustle.asked} // it has made the machine busy
	}
	if s.wide(u) {
		s.starting = append(s.onTheWay(), u)
	}
}

// wide says whether Order.Width is for u's job.
func (s *Supervisor) wide(u *unit) bool {
	return s.order.Width > 0 && s.booting && u.job.boot && u.job.starts() && u.ordinary()
}

// widthWait is until when a start of the boot waits since enough others are on their way;
// 0 is no wait.
func (s *Supervisor) widthWait(u *unit) (until time.Duration) {
	if !s.wide(u) {
		return 0
	}
	on := s.onTheWay()
	if len(on) < s.order.Width || s.impatient > 0 && s.now >= s.impatient {
		return 0
	}
	for _, d := range on {
		if end := d.begun + widthMost; until == 0 || end < until {
			until = end
		}
	}
	if s.impatient > 0 {
		until = min(until, s.impatient)
	}
	return until
}
