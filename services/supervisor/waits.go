package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/services/plan"
)

// idleLimit is how long a service of Type=idle lets other jobs go first, as in
// systemd.service(5).
const idleLimit = 5 * time.Second

// givesWay is until when a start that nothing holds back waits all the same,
// for an order that gives way or, of Type=idle, for other jobs; 0 is no wait.
func (s *Supervisor) givesWay(u *unit) time.Duration {
	j, until := u.job, time.Duration(0)
	switch {
	case j.free == 0:
		return 0
	case j.stops():
		return s.usersWait(u)
	case !j.starts() || s.halt != "":
		return 0
	}
	for _, e := range u.softAfter {
		if d := e.unit; d.job != nil && d.job.starts() && s.now < j.free+e.limit {
			until = max(until, j.free+e.limit)
		}
	}
	until = max(until, s.learnedWait(u), s.goalWait(u), s.widthWait(u))
	if u.Service != nil && u.Service.Type == plan.Idle && s.now < j.free+idleLimit {
		if slices.ContainsFunc(s.units, func(o *unit) bool {
			return o.job != nil && o.Service != nil && o.Service.Type != plan.Idle
		}) {
			until = max(until, j.free+idleLimit)
		}
	}
	return until
}

// waitsFor names what a job that is not running waits for; at most most of it
// (0: all).
func (s *Supervisor) waitsFor(u *unit, most int) []string {
	out := s.heldBy(u, most)
	until := s.givesWay(u)
	if len(out) > 0 || until == 0 {
		return out
	}
	left := (until - s.now).Round(time.Millisecond)
	if u.job.stops() {
		for _, d := range u.users {
			if d.job != nil && d.job.stops() {
				out = append(out, fmt.Sprintf("%s, which uses it, to stop, at most %v more", d.Name, left))
			}
		}
		return out
	}
	for _, e := range u.softAfter {
		if e.unit.job != nil && e.unit.job.starts() {
			out = append(out, fmt.Sprintf("%s to start, at most %v more", e.unit.Name, left))
		}
	}
	for _, e := range u.awaits() {
		out = append(out, fmt.Sprintf("%s, which it needed in earlier boots, at most %v more", e.unit.Name, left))
	}
	if s.goalWait(u) > 0 {
		for _, d := range s.goalOpen(u) {
			out = append(out, fmt.Sprintf("%s, which goes first since the boot's goal does not need %s, at most %v more", d.Name, u.Name, left))
		}
	}
	if len(out) == 0 && s.widthWait(u) > 0 {
		for _, d := range s.onTheWay() {
			out = append(out, fmt.Sprintf("%s, since %d units start at a time, at most %v more", d.Name, s.order.Width, left))
		}
	}
	if len(out) == 0 && s.goalWait(u) > 0 {
		out = append(out, fmt.Sprintf("the machine to be quiet, since the boot's goal does not need %s, at most %v more", u.Name, left))
	}
	if len(out) == 0 && s.learnedWait(u) > 0 {
		return []string{fmt.Sprintf("the end of a delay that training has set, at most %v more", left)}
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("other jobs, since it is of Type=idle, at most %v more", left))
	}
	return out
}

// heldBy names what holds back a job until it is over; at most most of it (0:
// all).
func (s *Supervisor) heldBy(u *unit, most int) []string {
	var out []string
	add := func(format string, args ...any) bool {
		out = append(out, fmt.Sprintf(format, args...))
		return len(out) == most
	}
	j := u.job
	if j.stops() {
		for _, b := range u.before {
			if b.job != nil && b.job.stops() && add("%s, which is ordered after it, to stop", b.Name) {
				return out
			}
		}
		if s.halt != "" && u.component() {
			for _, o := range s.units {
				if o.Service != nil && !o.component() && !o.early && o.job != nil && o.job.stops() && add("%s to stop", o.Name) {
					return out
				}
			}
		}
		return out
	}
	if !j.starts() {
		return nil // a reload
	}
	if u.phase.stopping() && add("its own stop to end") {
		return out
	}
	for _, d := range u.after {
		if d.job != nil && d.job.verb != VerbReload && (!d.job.unasked || j.unasked) && add("%s to %s", d.Name, d.job.word()) {
			return out
		}
	}
	for _, b := range u.before {
		if b.job != nil && b.job.stops() && add("%s to stop", b.Name) {
			return out
		}
	}
	for _, c := range u.conflicts {
		if c.job != nil && c.job.stops() && add("%s, with which it conflicts, to stop", c.Name) {
			return out
		}
	}
	return out
}

func (j *job) word() string {
	if j.stops() {
		return "stop"
	}
	return "start"
}

// consequences says, for a line about a unit that failed, what else it stops.
func (s *Supervisor) consequences(u *unit) string {
	var hit []string
	seen := map[*unit]bool{u: true}
	var walk func(*unit)
	walk = func(f *unit) {
		for _, r := range f.requiredBy { // as finishJob fails them
			if !seen[r] && r.job != nil && r.job.starts() && !r.job.running {
				seen[r] = true
				hit = append(hit, r.Name)
				walk(r)
			}
		}
	}
	walk(u)
	switch {
	case len(hit) > 0:
		return "so these do not start: " + strings.Join(hit, ", ")
	case u.phase == Failed && len(u.onFailure) > 0:
		return fmt.Sprintf("it stays down; %s is started for that", strings.Join(u.OnFailure, ", "))
	case u.phase == Backoff && u.blamed != nil:
		return s.excuse(u)
	case u.phase == Backoff && u.deadline <= s.now+1:
		return "it starts again at once"
	case u.phase == Backoff:
		return fmt.Sprintf("it starts again in %v", u.deadline-s.now)
	}
	return "it stays down; nothing else is held back"
}
