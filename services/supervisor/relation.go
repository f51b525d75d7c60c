package supervisor

import (
	"fmt"
	"slices"
	"time"

	"clarityos/services/plan"
)

// links are a unit's relations, as units, and those that others have to it.
type links struct {
	wants, requires, requisite, bindsTo, upholds, conflicts, after []*unit
	onFailure, onSuccess, reloadTo                                 []*unit
	softAfter                                                      []softEdge
	learned                                                        []softEdge  // as softAfter, of the order that was learned
	marks                                                          []plan.Mark // what others need of it by that order
	leans                                                          []*unit     // what it needs or uses by that order, or requires: their end may be the cause of its own
	users                                                          []*unit     // what needs or uses it by that order, and stops before it
	sockets                                                        []*unit     // whose descriptors a service is given
	service                                                        *unit       // that a socket starts

	before      []*unit // inverse of after
	requiredBy  []*unit // whose start needs this one: Requires=, Requisite=, BindsTo=
	stopsWith   []*unit // stopped when this one is: requiredBy, PartOf=, StopPropagatedFrom=
	restartWith []*unit // restarted when this one is: requiredBy, PartOf=
	boundBy     []*unit // stopped also when this one ends by itself: BindsTo=
	upheldBy    []*unit
	triggeredBy []*unit // sockets
}

// softEdge is an order that gives way after limit.
type softEdge struct {
	unit  *unit
	limit time.Duration
}

// link points the edges of every unit at the units of today.
func (s *Supervisor) link() {
	for _, u := range s.units {
		u.links = links{
			wants: s.find(u.Wants), requires: s.find(u.Requires), requisite: s.find(u.Requisite), bindsTo: s.find(u.BindsTo),
			upholds: s.find(u.Upholds), conflicts: s.find(u.Conflicts), after: s.find(u.After),
			onFailure: s.find(u.OnFailure), onSuccess: s.find(u.OnSuccess), reloadTo: s.find(u.PropagatesReloadTo),
		}
		for _, e := range u.SoftAfter {
			if d := s.byName[e.Unit]; d != nil {
				u.softAfter = append(u.softAfter, softEdge{d, e.Limit})
			}
		}
		if u.Socket != nil {
			u.service = s.byName[u.Socket.Service]
		}
		if u.Service != nil {
			u.sockets = s.find(u.Service.Sockets)
		}
	}
	for _, u := range s.units {
		for _, d := range slices.Concat(u.requires, u.requisite, u.bindsTo) {
			add(&d.requiredBy, u)
			add(&d.stopsWith, u)
			add(&d.restartWith, u)
		}
		for _, d := range s.find(u.PartOf) {
			add(&d.stopsWith, u)
			add(&d.restartWith, u)
		}
		for _, d := range s.find(u.StopPropagatedFrom) {
			add(&d.stopsWith, u)
		}
		for _, d := range u.bindsTo {
			add(&d.boundBy, u)
		}
		for _, d := range u.upholds {
			add(&d.upheldBy, u)
		}
		for _, d := range u.after {
			add(&d.before, u)
		}
		if u.service != nil {
			add(&u.service.triggeredBy, u)
		}
	}
	for _, u := range s.units {
		if u.component() {
			u.markEarly()
		}
	}
	s.linkOrder()
	s.cycles = nil
	for _, f := range s.plan.Findings {
		if u := s.byName[f.Unit]; f.Kind == plan.Cycle && u != nil && u.Enabled {
			s.cycles = append(s.cycles, f)
		}
	}
}

// add adds a unit to a list that does not have it.
func add(list *[]*unit, u *unit) {
	if !slices.Contains(*list, u) {
		*list = append(*list, u)
	}
}

func (s *Supervisor) find(names []string) []*unit {
	var out []*unit
	for _, n := range names {
		if u := s.byName[n]; u != nil {
			out = append(out, u)
		}
	}
	return out
}

// pulledIn lists what a start of u starts too.
func (u *unit) pulledIn() []*unit { return slices.Concat(u.requires, u.bindsTo, u.wants, u.upholds) }

// upheld says whether something that is up wants the unit up all the time.
func (s *Supervisor) upheld(u *unit) bool {
	return s.halt == "" && slices.ContainsFunc(u.upheldBy, func(o *unit) bool {
		return o.phase.up() && (o.job == nil || !o.job.stops())
	})
}

// lacking names what has to be up for u to start and is not: Requisite=, and
// BindsTo= that u also stands after. "" when nothing is.
func (u *unit) lacking() string {
	for _, d := range u.requisite {
		if !d.phase.up() {
			return fmt.Sprintf("its requisite %s is not up", d.Name)
		}
	}
	for _, d := range u.bindsTo {
		if slices.Contains(u.after, d) && !d.phase.up() {
			return fmt.Sprintf("it is bound to %s, which is not up", d.Name)
		}
	}
	return ""
}

// propagate tells others of the changes of state since it was last called, and
// whether there were any. Jobs that come about are dispatched by the caller.
func (s *Supervisor) propagate() bool {
	moved := s.moved
	s.moved = nil
	for i, u := range moved {
		if s.halt != "" || slices.Contains(moved[:i], u) { // once, for where it has got to
			continue
		}
		switch {
		case u.phase.up():
			s.wentUp(u)
		case u.phase.down():
			s.wentDown(u)
		}
	}
	return len(moved) > 0
}

func (s *Supervisor) wentUp(u *unit) {
	for _, d := range u.upholds {
		if d.phase.rests() && d.job == nil {
			s.startUnasked(d)
		}
	}
}

// wentDown acts on the end of a run, of which others hear only when it was not
// one between direct restarts.
func (s *Supervisor) wentDown(u *unit) {
	if u.phase == Backoff && u.Service != nil && u.Service.RestartDirect {
		return
	}
	for _, b := range u.boundBy {
		if !b.phase.rests() && !(b.job != nil && b.job.stops()) && !(b.job != nil && b.job.starts() && !b.job.running) {
			s.do(Record{Unit: b.Name, Priority: PriorityNotice, Message: fmt.Sprintf("%s stops: it is bound to %s, which is %s", b.Name, u.Name, u.phase.Active())})
			s.wantStop(b, 0)
		}
	}
	for _, k := range u.triggeredBy {
		s.serviceEnded(k, u)
	}
	bad := u.result != Success && u.result != Unmet && u.result != ""
	switch {
	case bad && (u.phase == Failed || u.phase == Backoff):
		s.trigger(u, u.onFailure)
	case u.phase == Dead && u.active != 0 && u.result == Success:
		s.trigger(u, u.onSuccess)
	}
	switch {
	case u.phase == Failed && bad && u.result == StartLimit && u.StartLimit.Action.Kind != "":
		s.act(u.StartLimit.Action, fmt.Sprintf("%s failed too often", u.Name))
	case u.phase == Failed && bad:
		s.act(u.FailureAction, fmt.Sprintf("%s failed", u.Name))
	case u.phase == Dead && u.active != 0 && !bad:
		s.act(u.SuccessAction, fmt.Sprintf("%s has done its work", u.Name))
	}
	if u.phase.rests() {
		for _, d := range u.pulledIn() {
			if d.StopWhenUnneeded && d.phase.up() && d.job == nil && !needed(d, s.units) {
				s.wantStop(d, 0)
			}
		}
		hopeless := u.result == StartLimit || u.result == BadUnit || u.result == Unmet
		switch {
		case u.job != nil || hopeless || !s.upheld(u):
		case u.Service == nil:
			s.startUnasked(u)
		default:
			s.enter(u, Backoff, max(u.Service.RestartDelay, upholdMin))
		}
	}
}

// upholdMin is the least wait before Upholds= starts a service again.
const upholdMin = 100 * time.Millisecond

func needed(d *unit, units []*unit) bool {
	return slices.ContainsFunc(units, func(o *unit) bool {
		return !o.phase.rests() && slices.Contains(o.pulledIn(), d)
	})
}

// trigger starts what OnFailure= or OnSuccess= of u name, and tells them of u.
func (s *Supervisor) trigger(u *unit, list []*unit) {
	for _, d := range list {
		d.monitor = append(u.exit.environment("MONITOR_EXIT_CODE=", "MONITOR_EXIT_STATUS="),
			"MONITOR_SERVICE_RESULT="+string(u.result), "MONITOR_UNIT="+u.Name)
		s.startUnasked(d)
	}
}

// act carries out FailureAction= and its kin.
func (s *Supervisor) act(a plan.HaltAction, why string) {
	if a.Kind == "" || s.halt != "" {
		return
	}
	s.do(Record{Priority: PriorityError, Message: fmt.Sprintf("%s; the unit asks for %s then", why, a.Kind)})
	if a.Force {
		s.halt = HaltKind(a.Kind)
		s.finishHalt()
		return
	}
	s.shutdown(HaltKind(a.Kind))
}

// isolate starts u and stops everything that it does not pull in, but for the
// components and what asks to be left alone.
func (s *Supervisor) isolate(u *unit, client uint64) {
	keep := map[*unit]bool{}
	var walk func(*unit)
	walk = func(k *unit) {
		if !keep[k] {
			keep[k] = true
			for _, d := range append(k.pulledIn(), k.requisite...) {
				walk(d)
			}
		}
	}
	walk(u)
	for _, o := range s.units {
		if o.component() || o.IgnoreOnIsolate {
			walk(o)
		}
	}
	for _, o := range s.units {
		if !keep[o] && !(o.phase.rests() && o.job == nil) {
			s.addJob(o, VerbStop, 0)
		}
	}
	s.wantStart(u, client, map[*unit]bool{})
}
