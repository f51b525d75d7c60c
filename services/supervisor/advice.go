package supervisor

import (
	"fmt"
	"slices"
)

// because names what failed because of u, and what waits for it.
func (s *Supervisor) because(u *unit) []string {
	var out []string
	seen := map[*unit]bool{u: true}
	var failed func(*unit)
	failed = func(f *unit) {
		for _, r := range f.requiredBy {
			if !seen[r] && r.result == Dependency {
				seen[r] = true
				out = append(out, r.Name+" failed")
				failed(r)
			}
		}
	}
	if u.result != Success && u.result != Unmet {
		failed(u)
	}
	for _, o := range s.units {
		if !seen[o] && u.underWay() && o.underWay() && s.reaches(o, u) {
			out = append(out, fmt.Sprintf("%s waits", o.Name))
		}
	}
	const most = 8
	if len(out) > most {
		out = append(out[:most:most], fmt.Sprintf("%d more", len(out)-most))
	}
	return out
}

// reaches says whether the job of one unit waits for another one.
func (s *Supervisor) reaches(from, to *unit) bool {
	seen := map[*unit]bool{}
	var walk func(*unit) bool
	walk = func(u *unit) bool {
		if seen[u] {
			return false
		}
		seen[u] = true
		return slices.ContainsFunc(s.blockers(u), func(b *unit) bool { return b == to || walk(b) })
	}
	return walk(from)
}

// next says what a person can do about a unit that failed, waits or is not
// wanted; nil when nothing is to be done.
func (s *Supervisor) next(u *unit) []string {
	again := fmt.Sprintf("`clarityctl start %s` tries again", u.Name)
	said := fmt.Sprintf("`clarityctl logs -u %s` shows what it said", u.Name)
	switch {
	case u.job != nil && !u.job.running:
		var out []string
		for _, h := range s.Holding(u.Name) {
			if h.Unit != u.Name {
				out = append(out, fmt.Sprintf("it goes on after %s", h))
			}
		}
		return out
	case u.phase == Start && u.deadline == 0 || u.phase == Backoff:
		return []string{said, fmt.Sprintf("`clarityctl stop %s` gives it up", u.Name)}
	case u.underWay() && u.phase != Dead:
		return []string{said}
	case u.phase != Failed:
		return nil
	}
	switch u.result {
	case Success:
		return nil
	case BadUnit:
		return []string{"correct the unit file, then `clarityctl reload-plan`", again}
	case Dependency:
		var out []string
		for _, d := range u.requires {
			if d.phase == Failed {
				out = append(out, fmt.Sprintf("`clarityctl why %s` tells what to do about what it requires", d.Name))
			}
		}
		return append(out, again)
	case Timeout:
		return []string{said, "TimeoutStartSec= and TimeoutStopSec= of the unit say how long it may take", again}
	case StartLimit:
		return []string{said, again + ", and forgets how often it was started"}
	}
	return []string{said, again}
}
