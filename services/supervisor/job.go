package supervisor

import (
	"fmt"
	"slices"
	"time"
)

// job is what is wanted of a unit. A restart is a stop until stopped is set,
// then a start.
type job struct {
	verb     Verb
	stopped  bool // of a restart: the stop is over
	running  bool // it has begun and waits for the unit itself
	boot     bool // it counts for the end of the boot
	unasked  bool // a start that neither a person nor the boot wants: only others of its kind wait for it, or a unit that fails for ever would hold up the boot
	began    time.Duration
	free     time.Duration // when only what gives way held it back; 0: not yet
	deadline time.Duration // JobTimeoutSec=; 0: none
	clients  []uint64
}

func (j *job) starts() bool { return j.verb == VerbStart || j.verb == VerbRestart && j.stopped }

func (j *job) stops() bool { return j.verb == VerbStop || j.verb == VerbRestart && !j.stopped }

func (s *Supervisor) boot() {
	u := s.byName[s.plan.Default]
	if u == nil {
		if s.plan.Default != "" { // else there is no plan, and PID 1 has told why
			s.do(Record{Priority: PriorityError, Message: fmt.Sprintf("the plan has no unit %s to boot into", s.plan.Default)})
		}
		s.do(BootDone{})
		return
	}
	for _, f := range s.cycles {
		s.do(Record{Unit: f.Unit, Priority: PriorityWarning, Message: f.String()})
	}
	s.booting, s.planning, s.began = true, true, s.now
	s.wantStart(u, 0, map[*unit]bool{})
	s.planning = false
	s.bootEnds()
}

func (s *Supervisor) request(r Request) {
	refuse := func(format string, args ...any) {
		s.do(Done{Client: r.Client, Unit: r.Unit, Outcome: OutcomeRefused, Message: fmt.Sprintf(format, args...)})
	}
	u := s.byName[r.Unit]
	switch {
	case u == nil:
		refuse("no unit %s", r.Unit)
	case s.halt != "":
		refuse("the system is going down (%s)", s.halt)
	case u.RefuseStart && (r.Verb == VerbStart || r.Verb == VerbRestart || r.Verb == VerbIsolate):
		refuse("%s has RefuseManualStart=yes: only other units start it", u.Name)
	case u.RefuseStop && (r.Verb == VerbStop || r.Verb == VerbRestart):
		refuse("%s has RefuseManualStop=yes: only other units stop it", u.Name)
	case r.Verb == VerbIsolate && !u.AllowIsolate:
		refuse("%s has no AllowIsolate=yes", u.Name)
	case r.Verb == VerbIsolate:
		s.forgive(u)
		s.isolate(u, r.Client)
	case r.Verb == VerbStart:
		s.forgive(u)
		s.wantStart(u, r.Client, map[*unit]bool{})
	case r.Verb == VerbStop:
		s.wantStop(u, r.Client)
	case r.Verb == VerbRestart && u.phase.down() && u.job == nil:
		s.forgive(u)
		s.wantStart(u, r.Client, map[*unit]bool{})
	case r.Verb == VerbRestart:
		s.forgive(u)
		s.wantRestart(u, r.Client, map[*unit]bool{}, r.Users)
	case r.Verb == VerbReload && !u.phase.up():
		refuse("%s is %s, and only an active unit can be reloaded", u.Name, u.phase.Active())
	case r.Verb == VerbReload && !u.reloads() && len(u.reloadTo) == 0:
		refuse("%s has no ExecReload=", u.Name)
	case r.Verb == VerbReload && u.job != nil:
		refuse("%s has a %s job that is not done", u.Name, u.job.verb)
	case r.Verb == VerbReload:
		s.wantReload(u, r.Client)
	case r.Verb == VerbReset:
		s.forgive(u)
		if u.phase == Failed {
			s.enter(u, Dead, 0)
			u.result, u.cause = Success, ""
		}
		s.do(Done{Client: r.Client, Unit: u.Name, Outcome: OutcomeDone})
	default:
		refuse("no verb %q", r.Verb)
	}
}

// forgive starts the count of the start limit and of the backoff anew: a
// person who asks has seen the failures.
func (s *Supervisor) forgive(u *unit) { u.starts, u.restarts, u.triggers = nil, 0, nil }

// wantStart adds start jobs for u and all it pulls in, and stop jobs for what
// they conflict with.
func (s *Supervisor) wantStart(u *unit, client uint64, seen map[*unit]bool) {
	if seen[u] {
		return
	}
	seen[u] = true
	if u.phase.up() && u.job == nil {
		s.answer(client, u, OutcomeDone, "")
		return
	}
	for _, d := range u.pulledIn() {
		s.wantStart(d, 0, seen)
	}
	for _, c := range u.conflicts {
		if !c.phase.rests() || c.job != nil && c.job.starts() {
			s.wantStop(c, 0)
		}
	}
	s.addJob(u, VerbStart, client)
}

// startUnasked is wantStart for what PID 1 starts by itself: after a wait, for
// Upholds= or OnFailure=.
func (s *Supervisor) startUnasked(u *unit) {
	s.unasked = true
	s.wantStart(u, 0, map[*unit]bool{})
	s.unasked = false
}

// wantStop adds stop jobs for u and for everything that stops with it.
func (s *Supervisor) wantStop(u *unit, client uint64) {
	if u.job != nil && u.job.verb == VerbStop {
		s.addJob(u, VerbStop, client)
		return
	}
	s.addJob(u, VerbStop, client)
	for _, r := range u.stopsWith {
		if !r.phase.rests() || r.job != nil && r.job.verb != VerbStop {
			s.wantStop(r, 0)
		}
	}
}

// wantRestart adds restart jobs for u and for what restarts with it and is up; with users
// also for what uses it.
func (s *Supervisor) wantRestart(u *unit, client uint64, seen map[*unit]bool, users bool) {
	if seen[u] {
		return
	}
	seen[u] = true
	s.addJob(u, VerbRestart, client)
	with := u.restartWith
	if users {
		with = slices.Concat(with, u.users)
	}
	for _, r := range with {
		if !r.phase.rests() {
			s.wantRestart(r, 0, seen, users)
		}
	}
}

// wantReload adds reload jobs for u and for what it passes reloads on to.
func (s *Supervisor) wantReload(u *unit, client uint64) {
	if !u.reloads() {
		s.answer(client, u, OutcomeDone, "")
	} else {
		s.addJob(u, VerbReload, client)
	}
	for _, d := range u.reloadTo {
		if d.phase.up() && d.job == nil && d.reloads() {
			s.addJob(d, VerbReload, 0)
		}
	}
}

// addJob gives u a job. One of the same verb is shared; another one is
// canceled, except that a stop before the system goes down stays.
func (s *Supervisor) addJob(u *unit, verb Verb, client uint64) {
	if j := u.job; j != nil {
		if j.verb == verb && !(verb == VerbRestart && j.stopped) {
			if client != 0 {
				j.clients = append(j.clients, client)
			}
			j.unasked = j.unasked && s.unasked
			return
		}
		s.finishJob(u, OutcomeCanceled, fmt.Sprintf("a %s job took its place", verb))
	}
	u.job = &job{verb: verb, began: s.now, boot: s.planning, unasked: s.unasked && verb == VerbStart, deadline: s.at(u.JobTimeout)}
	if client != 0 {
		u.job.clients = []uint64{client}
	}
	if verb == VerbStart {
		u.queued = s.now
	}
	if u.job.boot {
		s.bootJobs++
	}
}

func (s *Supervisor) answer(client uint64, u *unit, o Outcome, message string) {
	if client != 0 {
		s.do(Done{Client: client, Unit: u.Name, Outcome: o, Message: message})
	}
}

// finishJob ends u's job and tells who waits for it. When a start fails, the
// start jobs of what requires u fail with it.
func (s *Supervisor) finishJob(u *unit, o Outcome, message string) {
	j := u.job
	if j == nil {
		return
	}
	u.job = nil
	for _, c := range j.clients {
		s.answer(c, u, o, message)
	}
	if j.verb != VerbReload && (o == OutcomeFailed || o == OutcomeDependency) {
		for _, r := range u.requiredBy {
			if r.job != nil && r.job.starts() && !r.job.running {
				r.result, r.cause = Dependency, fmt.Sprintf("it requires %s, which failed", u.Name)
				if r.phase.down() {
					s.enter(r, Failed, 0)
				}
				s.finishJob(r, OutcomeDependency, r.cause)
			}
		}
	}
	if u.phase.rests() {
		for _, k := range u.triggeredBy { // a job that ends without a run changes no state that would tell them
			s.serviceEnded(k, u)
		}
	}
	if j.boot {
		s.bootJobs--
		s.bootEnds()
	}
}

// bootEnds says once that the boot's jobs are all done.
func (s *Supervisor) bootEnds() {
	if !s.booting || s.planning || s.bootJobs > 0 {
		return
	}
	s.booting, s.booted, s.bootTime = false, true, s.now
	s.do(BootDone{})
}

// dispatch begins every job that nothing holds back, until none is left.
func (s *Supervisor) dispatch() {
	for again := true; again; {
		again = false
		for _, u := range s.ranked {
			if u.job == nil || u.job.running || len(s.heldBy(u, 1)) > 0 {
				continue
			}
			if u.job.free == 0 {
				u.job.free = s.now
			}
			if s.givesWay(u) > 0 {
				if s.booting && s.impatient == 0 && u.job.starts() && max(s.learnedWait(u), s.widthWait(u)) > 0 {
					s.impatient = s.now + patience
				}
				continue
			}
			u.job.running = true
			s.widen(u)
			s.begin(u)
			again = true
		}
	}
}

// haltWhenDone ends a shutdown that has nothing left to stop.
func (s *Supervisor) haltWhenDone() {
	if s.halt != "" && !s.halted && !slices.ContainsFunc(s.units, func(u *unit) bool { return u.job != nil }) {
		s.finishHalt()
	}
}

// component says whether the unit is a part of ClarityOS, which outlives the
// services at shutdown.
func (u *unit) component() bool { return u.Service != nil && u.Service.Component != "" }

// begin acts on a job whose turn has come.
func (s *Supervisor) begin(u *unit) {
	switch {
	case u.job.stops():
		s.stop(u)
	case u.job.verb == VerbReload:
		s.beginReload(u)
	case u.phase.up():
		s.finishJob(u, OutcomeDone, "")
	case u.phase.down():
		u.stopWanted = false
		s.start(u)
	default: // it is starting by itself: the job ends with that start
		u.stopWanted = false
	}
}
