package supervisor

import (
	"fmt"
	"time"
)

// openLimit bounds the opening of a socket's descriptors.
const openLimit = 10 * time.Second

// open asks for the descriptors of a socket whose conditions hold.
func (s *Supervisor) open(u *unit) {
	if v := u.service; v != nil && !v.phase.down() {
		s.end(u, Resources, fmt.Sprintf("%s already runs, and cannot be given descriptors any more; stop it first", v.Name))
		return
	}
	s.enter(u, Opening, openLimit)
	u.question = s.token(u)
	s.do(Listen{Unit: u.Unit, Token: u.question})
}

func (s *Supervisor) listened(e Listened) {
	u := s.answered(e.Token)
	if u == nil {
		return
	}
	if e.Err != "" {
		s.end(u, Resources, e.Err)
		return
	}
	s.up(u, Listening)
	s.do(Watch{Unit: u.Unit, On: true})
}

// incoming starts the service of a socket that somebody uses. Until it ends the
// descriptors are its own business.
func (s *Supervisor) incoming(e Incoming) {
	u := s.byName[e.Unit]
	if u == nil || u.phase != Listening || s.halt != "" {
		return
	}
	if u.service == nil {
		s.closeSocket(u, BadUnit, fmt.Sprintf("its service %s does not exist", u.Socket.Service))
		return
	}
	if l := u.Socket.TriggerLimit; l.Burst > 0 && l.Interval > 0 {
		for len(u.triggers) > 0 && s.now-u.triggers[0] >= l.Interval {
			u.triggers = u.triggers[1:]
		}
		if len(u.triggers) >= l.Burst {
			s.closeSocket(u, TriggerLimit, fmt.Sprintf("it was used to start %s %d times within %v", u.service.Name, len(u.triggers), l.Interval))
			return
		}
		u.triggers = append(u.triggers, s.now)
	}
	s.enter(u, Running, 0)
	if j := u.service.job; j == nil || !j.stops() { // else the end of the service has the socket watched again
		s.wantStart(u.service, 0, map[*unit]bool{})
	}
}

// serviceEnded has a socket watch again after the end of its service, or fail
// with it when that will not start any more.
func (s *Supervisor) serviceEnded(u, service *unit) {
	switch {
	case u.phase != Running || service.phase == Backoff || service.job != nil && service.job.starts():
	case service.result == StartLimit || service.result == BadUnit:
		s.closeSocket(u, service.result, fmt.Sprintf("%s cannot be started: %s", service.Name, service.cause))
	default:
		s.enter(u, Listening, 0)
		s.do(Watch{Unit: u.Unit, On: true})
	}
}

// closeSocket ends a socket. Its service, if it runs, keeps its copies.
func (s *Supervisor) closeSocket(u *unit, r Result, cause string) {
	s.do(Close{Unit: u.Unit})
	s.end(u, r, cause)
}
