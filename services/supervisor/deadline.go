package supervisor

import (
	"fmt"
	"strings"
	"time"

	"clarityos/services/plan"
)

// Next is when Fold wants a Tick at the latest; 0 is never.
func (s *Supervisor) Next() time.Duration {
	next := time.Duration(0)
	sooner := func(t time.Duration) {
		if t > 0 && (next == 0 || t < next) {
			next = t
		}
	}
	for _, u := range s.units {
		sooner(u.deadline)
		if j := u.job; j != nil {
			sooner(j.deadline)
			if !j.running {
				sooner(s.givesWay(u))
			}
		}
		if u.Service != nil {
			sooner(u.watchdog.deadline)
			sooner(u.runtimeEnd)
			sooner(u.health.next)
			sooner(u.look.next)
			sooner(u.favoured)
		}
	}
	if !s.bustle.asked && s.wantsQuiet() {
		sooner(s.bustle.next)
	}
	if s.halt != "" && !s.halted {
		sooner(s.haltLimit)
		sooner(s.haltTell)
	}
	return next
}

// passed says whether a deadline is over, and clears it if so.
func (s *Supervisor) passed(deadline *time.Duration) bool {
	if *deadline == 0 || *deadline > s.now {
		return false
	}
	*deadline = 0
	return true
}

// at gives the deadline that is limit from now; 0 for none and Infinity.
func (s *Supervisor) at(limit time.Duration) time.Duration {
	if limit <= 0 || limit >= plan.Infinity-s.now {
		return 0
	}
	return s.now + limit
}

// expire acts on every deadline that has passed.
func (s *Supervisor) expire() {
	for _, u := range s.units {
		if s.passed(&u.deadline) {
			s.expired(u)
		}
		if u.phase == Backoff && u.blamed != nil && u.blamed.usable() && u.job == nil {
			s.restart(u)
		}
		if u.job != nil && s.passed(&u.job.deadline) {
			s.jobExpired(u)
		}
		if u.Service == nil {
			continue
		}
		if u.favoured > 0 && s.now >= u.favoured {
			s.unfavour(u)
		}
		if s.passed(&u.watchdog.deadline) {
			s.hung(u, fmt.Sprintf("it did not say WATCHDOG=1 within %v", u.watchdog.interval))
		}
		if s.passed(&u.runtimeEnd) && u.phase.up() {
			s.fail(u, Timeout, fmt.Sprintf("it ran longer than RuntimeMaxSec=%v", u.Service.RuntimeMax))
			s.stopping(u, true)
		}
		if s.passed(&u.health.next) {
			s.healthDue(u)
		}
		if s.passed(&u.look.next) {
			s.lookFor(u)
		}
	}
	switch {
	case s.halt == "" || s.halted:
	case s.now >= s.haltLimit:
		s.finishHalt()
	case s.now >= s.haltTell:
		s.haltTell = s.now + (s.now - s.haltLimit + ShutdownLimit) // as long again as it has taken
		s.do(Record{Priority: PriorityWarning, Message: fmt.Sprintf("%s waits for %s", s.halt, strings.Join(s.notDown(), ", "))})
	}
}

// jobExpired gives up a job after JobTimeoutSec=; what it has begun goes on.
func (s *Supervisor) jobExpired(u *unit) {
	message := fmt.Sprintf("its %s job took longer than JobTimeoutSec=%v", u.job.verb, u.JobTimeout)
	if !u.job.running {
		message += "; it waited for " + strings.Join(s.waitsFor(u, 0), " and for ")
	}
	s.do(Record{Unit: u.Name, Priority: PriorityError, Message: u.Name + ": " + message})
	s.finishJob(u, OutcomeTimeout, message)
	s.act(u.JobAction, u.Name+" took too long")
}

// watchdog is what is known of a service that has to say that it lives.
type watchdog struct {
	interval time.Duration // 0: none
	deadline time.Duration // when it must have said so; 0: not running
}

// feed starts the service's time anew.
func (s *Supervisor) feed(u *unit) { u.watchdog.deadline = s.at(u.watchdog.interval) }

// hung ends a service that does not answer: with WatchdogSignal=, so that it
// leaves a core.
func (s *Supervisor) hung(u *unit, cause string) {
	if !u.phase.up() && u.phase != StartPost && u.phase != Gated {
		return
	}
	s.fail(u, WatchdogHit, cause)
	s.giveUpControl(u)
	s.abort(u)
}
