package supervisor

import (
	"fmt"
	"syscall"
	"time"
)

// HealthState is what the probes of a service amount to.
type HealthState string

// The states of health; "" is that of a service without probes.
const (
	HealthUnknown HealthState = "unknown" // not enough probes yet, or it is not up
	Healthy       HealthState = "healthy"
	IsUnhealthy   HealthState = "unhealthy"
)

// health is what is known from a service's probes.
type health struct {
	state HealthState
	cause string        // what the last failed probe said
	good  int           // successes in a row
	bad   int           // failures in a row
	grace time.Duration // until when failures do not count
	next  time.Duration // when the next probe is due or, while one runs, is given up
	probe process
	begun time.Duration // of the latest probe
	ended time.Duration // of the last one that has ended, however
	took  time.Duration // … how long it took
}

// startProbes begins to look after a service that is ready, or nearly so.
func (s *Supervisor) startProbes(u *unit) {
	h := u.Service.Health
	if h == nil || u.health.next != 0 || u.health.probe.alive {
		return
	}
	u.health = health{state: u.health.state, grace: s.now + h.Grace, next: max(s.now, 1)}
	s.healthDue(u)
}

// stopProbes forgets what the probes of a run have shown.
func (s *Supervisor) stopProbes(u *unit) {
	if u.health.probe.alive {
		s.do(Signal{Unit: u.Unit, Token: u.health.probe.token, Sig: int(syscall.SIGKILL)})
	}
	delete(s.tokens, u.health.probe.token)
	u.health.probe, u.health.next = process{}, 0
	s.setHealth(u, u.unprobed())
}

// unprobed is the health of a unit of which no probe has told anything.
func (u *unit) unprobed() HealthState {
	if u.Service == nil || u.Service.Health == nil {
		return ""
	}
	return HealthUnknown
}

// setHealth tells a change of a unit's health.
func (s *Supervisor) setHealth(u *unit, state HealthState) {
	if u.health.state != state {
		u.health.state = state
		s.do(Health{Unit: u.Name, State: state, Cause: u.health.cause})
	}
}

// healthDue begins a probe or, while one runs, gives it up.
func (s *Supervisor) healthDue(u *unit) {
	h := u.Service.Health
	if h == nil || !u.phase.up() && u.phase != Gated {
		return
	}
	if u.health.probe.alive {
		s.do(Signal{Unit: u.Unit, Token: u.health.probe.token, Sig: int(syscall.SIGKILL)})
		delete(s.tokens, u.health.probe.token)
		u.health.probe = process{}
		s.probed(u, fmt.Sprintf("no answer within %v", h.Timeout))
		return
	}
	u.health.probe, u.health.begun = process{token: s.token(u), alive: true}, s.now
	u.health.next = s.now + h.Timeout
	s.do(Spawn{Unit: u.Unit, Token: u.health.probe.token, Invocation: u.invocation, Role: RoleProbe,
		Command: h.Probe.Command, Probe: &h.Probe})
}

// probeEnded takes the end of a probe.
func (s *Supervisor) probeEnded(u *unit, v verdict) {
	u.health.probe = process{}
	cause := ""
	if v.result != Success {
		cause = v.of("the probe")
	}
	s.probed(u, cause)
}

// probed counts the result of a probe: cause is "" for a good one.
func (s *Supervisor) probed(u *unit, cause string) {
	h, now := u.Service.Health, &u.health
	now.next, now.ended, now.took = s.now+h.Interval, s.now, s.now-now.begun
	before := now.state
	now.cause = cause
	switch {
	case cause == "":
		now.good, now.bad = now.good+1, 0
	case s.now >= now.grace:
		now.good, now.bad = 0, now.bad+1
	}
	switch {
	case now.good >= max(h.Successes, 1):
		s.setHealth(u, Healthy)
	case now.bad >= max(h.Failures, 1):
		s.setHealth(u, IsUnhealthy)
	}
	if now.state == before {
		return
	}
	if now.state == Healthy {
		s.do(Record{Unit: u.Name, Priority: PriorityInfo, Message: u.Name + " is healthy"})
		if u.phase == Gated {
			s.up(u, Running)
		}
		return
	}
	s.unhealthy(u)
}

func (s *Supervisor) unhealthy(u *unit) {
	h := u.Service.Health
	what := map[string]string{"": "it goes on", "restart": "it is restarted", "stop": "it is stopped"}[h.Action]
	cause := fmt.Sprintf("%d probes in a row failed, the last one: %s", max(h.Failures, 1), u.health.cause)
	s.do(Record{Unit: u.Name, Priority: PriorityWarning, Message: fmt.Sprintf("%s is unhealthy: %s; %s", u.Name, cause, what)})
	if h.Action == "" || !u.phase.up() {
		return
	}
	s.fail(u, Unhealthy, cause)
	u.renew, u.stopWanted = h.Action == "restart", h.Action == "stop"
	s.stopping(u, true)
}
