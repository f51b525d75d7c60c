package supervisor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"clarityos/services/plan"
)

// Bounds on what an order that was learned may cost.
const (
	lookEvery = 10 * time.Millisecond // what others need of a unit is looked for again
	lookShare = 32                    // … or after this part of the time that it has been up, which is more of one that is slow
	lookMost  = 30 * time.Second      // … until then, from when the unit is up
	patience  = 30 * time.Second      // all waits of a boot end then, from the first one, and of a shutdown
)

// outlook is whether what others need of a unit has been seen since it is up.
type outlook struct {
	token   Token         // of a Look that is not answered
	missing string        // of what is looked for, as far as is known
	next    time.Duration // when to look again
	until   time.Duration // when to give up; 0: it is not looked for
}

// learn takes the order of earlier boots. What it says of units that there are not is
// left out, as is what it says of components.
func (s *Supervisor) learn(o plan.Order) {
	s.order = o
	s.link()
}

// linkOrder adds the edges of the order to the links, and has what most stands behind
// begin first, whatever can.
func (s *Supervisor) linkOrder() {
	s.ranked = slices.SortedStableFunc(slices.Values(s.units), func(a, b *unit) int {
		return cmp.Compare(s.order.Ranks[b.Name], s.order.Ranks[a.Name])
	})
	pair := func(unit, on string) (u, d *unit) {
		u, d = s.byName[unit], s.byName[on]
		if u == nil || d == nil || u == d || u.component() || u.early || d.component() {
			return nil, nil
		}
		add(&u.leans, d)
		add(&d.users, u)
		return u, d
	}
	for _, e := range s.order.After {
		if u, d := pair(e.Unit, e.On); u != nil {
			u.learned = append(u.learned, softEdge{d, e.Limit})
			if d.Service != nil && d.Service.Silent() {
				d.marks = s.order.Marks[d.Name]
			}
		}
	}
	for _, e := range s.order.Uses {
		pair(e.Unit, e.On)
	}
	s.linkGoal()
	for _, u := range s.units {
		for _, d := range slices.Concat(u.requires, u.bindsTo) {
			if d.Service != nil && !d.component() {
				add(&u.leans, d)
			}
		}
	}
}

// awaited says whether units that need d by what was learned have reason to wait: it
// starts, is about to start again, or is up and cannot be used yet.
func (d *unit) awaited() bool {
	return d.job != nil && (d.job.starts() || d.job.verb == VerbRestart) || d.phase == Backoff || d.phase.up() && d.look.until > 0
}

// usersLimit is how long a stop waits for those of the units that use this one.
const usersLimit = 10 * time.Second

// usersWait is until when a stop waits for units that use u by what was learned; 0 is no
// wait.
func (s *Supervisor) usersWait(u *unit) (until time.Duration) {
	for _, d := range u.users {
		if d.job != nil && d.job.stops() {
			until = u.job.free + usersLimit
		}
	}
	if s.halt != "" {
		until = min(until, s.haltLimit-ShutdownLimit+patience)
	}
	if until <= s.now {
		return 0
	}
	return until
}

// awaits are the edges for which a start of u waits: what it needs and, when it is
// restarted together with it, what it uses.
func (u *unit) awaits() (out []softEdge) {
	for _, e := range u.learned {
		if e.unit.awaited() {
			out = append(out, e)
		}
	}
	for _, d := range u.leans {
		known := func(e softEdge) bool { return e.unit == d }
		if u.job.verb == VerbRestart && d.job != nil && d.job.verb == VerbRestart && !slices.ContainsFunc(out, known) {
			out = append(out, softEdge{d, usersLimit})
		}
	}
	return out
}

// learnedWait is until when a start waits for what u needs by what was learned; 0 is no
// wait.
func (s *Supervisor) learnedWait(u *unit) (until time.Duration) {
	for _, e := range u.awaits() {
		until = max(until, u.job.free+e.limit)
	}
	if s.booting && !u.component() && !u.early {
		until = max(until, u.job.free+s.order.Delay[u.Name])
	}
	if s.booting && s.impatient > 0 {
		until = min(until, s.impatient)
	}
	if until <= s.now {
		return 0
	}
	return until
}

// seek begins to look for what others need of a unit that has gone up.
func (s *Supervisor) seek(u *unit) {
	if len(u.marks) > 0 {
		u.look = outlook{until: s.now + lookMost}
		s.lookFor(u)
	}
}

// unseek forgets what was seen of a run.
func (s *Supervisor) unseek(u *unit) {
	delete(s.tokens, u.look.token)
	u.look = outlook{}
	s.unfavour(u)
}

func (s *Supervisor) lookFor(u *unit) {
	if s.now >= u.look.until {
		s.do(Record{Unit: u.Name, Priority: PriorityNotice, Message: fmt.Sprintf("%s counts as ready although it has been up for %v without what it had in earlier boots: %s", u.Name, lookMost, u.look.missing)})
		s.unseek(u)
		return
	}
	u.look.token, u.look.next = s.token(u), u.look.until
	s.do(Look{Unit: u.Unit, Token: u.look.token, Marks: u.marks})
}

// sureness says how sure it is that all of marks are needed, where that is known.
func sureness(marks []plan.Mark) string {
	p := 1.
	for _, m := range marks {
		p = min(p, m.P)
	}
	if p == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.2f sure)", p)
}

// looked takes the answer to Look.
func (s *Supervisor) looked(e Looked) {
	u := s.tokens[e.Token]
	delete(s.tokens, e.Token)
	switch {
	case u == nil || u.look.token != e.Token:
	case e.There:
		s.do(Record{Unit: u.Name, Priority: PriorityInfo, Message: fmt.Sprintf("%s is ready: what others need of it is there, %v after it was up%s", u.Name, (s.now - u.active).Round(100_000), sureness(u.marks))})
		s.unseek(u)
	default:
		u.look.token, u.look.missing, u.look.next = 0, e.Missing, min(s.now+max(lookEvery, (s.now-u.active)/lookShare), u.look.until)
	}
}
