package supervisor

import (
	"fmt"
	"strings"
	"time"

	"clarityos/services/plan"
)

// Bounds that no unit can change.
const (
	checkLimit    = 10 * time.Second      // for the answer to Check
	pidFileRetry  = 50 * time.Millisecond // until a PID file is looked at again
	ShutdownLimit = 5 * time.Minute       // from Shutdown to Halt
	haltTellFirst = 5 * time.Second       // until a shutdown says what it waits for
	restartMax    = 5 * time.Minute       // RestartMaxDelaySec= when RestartSteps= is alone
)

// Supervisor holds the state of all units. It belongs to one goroutine.
type Supervisor struct {
	plan   *plan.Plan
	units  []*unit
	byName map[string]*unit
	tokens map[Token]*unit

	now            time.Duration
	cycles         []plan.Finding // of enabled units
	lastToken      Token
	lastInvocation uint64
	out            []Action

	planning  bool // Boot is adding its jobs
	booting   bool // jobs of the boot are left
	bootJobs  int
	booted    bool          // the boot's last job has ended
	bootTime  time.Duration // when
	halt      HaltKind      // "" unless shutting down
	haltLimit time.Duration
	haltTell  time.Duration // when to tell next what the shutdown waits for
	halted    bool
}

// unit is one unit's state.
type unit struct {
	*plan.Unit
	wants, requires, after, conflicts []*unit
	requiredBy, before                []*unit
	early                             bool // a component stands after it

	phase      Phase
	since      time.Duration // when the phase was entered
	deadline   time.Duration // when the phase must be over; 0: never
	job        *job
	result     Result
	cause      string // of the result, in words
	invocation uint64

	main, control process
	question      Token // of a Check or FindMain that is not answered
	retry         bool  // the PID file is looked for again at the deadline
	retryLimit    time.Duration
	list          []plan.Command
	step          int
	populated     bool    // the cgroup holds a process, as far as is known
	abandoned     bool    // the last run left processes that could not be killed
	stopWanted    bool    // the end was asked for: no restart
	exit          verdict // of the main process
	status        string
	unheard       []Notified // from an unknown process while the pid of one of ours is not known

	starts   []time.Duration // within the start limit's interval
	restarts int             // since the last start that was asked for
	begun    time.Duration   // when the latest start left its queue
	queued   time.Duration   // when the latest start was asked for
	active   time.Duration   // when it became active; 0: not in this invocation
	everUp   bool
}

// process is one process of a unit; token 0 is none.
type process struct {
	token Token
	pid   int
	alive bool
}

// New makes a supervisor with every unit Dead.
func New(p *plan.Plan) *Supervisor {
	s := &Supervisor{plan: p, byName: map[string]*unit{}, tokens: map[Token]*unit{}}
	for i := range p.Units {
		u := &unit{Unit: &p.Units[i], phase: Dead}
		s.units = append(s.units, u)
		s.byName[u.Name] = u
	}
	s.link()
	return s
}

// link points the edges of every unit at the units of today.
func (s *Supervisor) link() {
	for _, u := range s.units {
		u.wants, u.requires, u.after, u.conflicts = s.find(u.Wants), s.find(u.Requires), s.find(u.After), s.find(u.Conflicts)
		u.requiredBy, u.before = nil, nil
	}
	for _, u := range s.units {
		for _, d := range u.requires {
			d.requiredBy = append(d.requiredBy, u)
		}
		for _, d := range u.after {
			d.before = append(d.before, u)
		}
	}
	for _, u := range s.units {
		for _, name := range u.Conflicts { // conflicts go both ways
			if c := s.byName[name]; c != nil {
				c.conflicts = append(c.conflicts, u)
			}
		}
		u.early = false
	}
	for _, u := range s.units {
		if u.component() {
			u.markEarly()
		}
	}
	s.cycles = nil
	for _, f := range s.plan.Findings {
		if u := s.byName[f.Unit]; f.Kind == plan.Cycle && u != nil && u.Enabled {
			s.cycles = append(s.cycles, f)
		}
	}
}

// markEarly marks what u stands after, directly or not.
func (u *unit) markEarly() {
	for _, d := range u.after {
		if !d.early {
			d.early = true
			d.markEarly()
		}
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

// Replace takes over a new plan. Units keep their state by name; one that is
// not in the new plan stays as long as something of it runs or is wanted.
func (s *Supervisor) Replace(p *plan.Plan) {
	old := s.units
	s.plan, s.units, s.byName = p, nil, map[string]*unit{}
	states := map[string]*unit{}
	for _, u := range old {
		states[u.Name] = u
	}
	keep := func(u *unit) {
		s.units = append(s.units, u)
		s.byName[u.Name] = u
	}
	for i := range p.Units {
		next := &p.Units[i]
		u := states[next.Name]
		if u == nil || (u.Service == nil) != (next.Service == nil) {
			u = &unit{phase: Dead}
		}
		u.Unit = next
		delete(states, next.Name)
		keep(u)
	}
	for _, u := range old {
		if states[u.Name] != nil && (u.job != nil || u.phase != Dead && u.phase != Failed) {
			keep(u)
		}
	}
	s.link()
}

// Alive is the main process of a unit that is known to run.
type Alive struct {
	Unit       string
	Token      Token
	PID        int
	Invocation uint64
}

// Rebuild makes a supervisor from what runs, for when the state of old cannot
// be trusted any more: the units of alive are Running, everything else is Dead,
// jobs and their clients are forgotten, but for a shutdown. Tokens go on where old stopped.
func Rebuild(p *plan.Plan, old *Supervisor, alive []Alive, now time.Duration) *Supervisor {
	s := New(p)
	s.now, s.lastToken, s.lastInvocation = now, old.lastToken, old.lastInvocation
	s.booted, s.bootTime = true, now
	for _, a := range alive {
		if u := s.byName[a.Unit]; u != nil && u.Service != nil {
			u.main, u.populated, u.invocation = process{a.Token, a.PID, true}, true, a.Invocation
			u.active, u.everUp, u.result = now, true, Success
			s.tokens[a.Token] = u
			s.enter(u, Running, 0)
		}
	}
	for _, u := range s.units {
		if u.Service == nil && u.Enabled {
			s.enter(u, Running, 0)
		}
	}
	if old.halt != "" {
		s.shutdown(old.halt)
		s.haltLimit, s.halted = old.haltLimit, old.halted
	}
	return s
}

// Holder names the unit that a token belongs to; "" when there is none.
func (s *Supervisor) Holder(t Token) string {
	if u := s.tokens[t]; u != nil {
		return u.Name
	}
	return ""
}

// Fold takes an event that happened at now (any clock that never goes back;
// the same for every call) and gives what is to be done about it, in order.
func (s *Supervisor) Fold(now time.Duration, e Event) []Action {
	s.now = max(now, s.now)
	s.out = nil
	switch e := e.(type) {
	case Boot:
		s.boot()
	case Request:
		s.request(e)
	case Shutdown:
		s.shutdown(e.Kind)
	case Checked:
		s.checked(e)
	case Spawned:
		s.spawned(e)
	case Executed:
		s.executed(e)
	case SpawnFailed:
		s.spawnFailed(e)
	case Exited:
		s.exited(e)
	case Emptied:
		s.emptied(e)
	case Notified:
		s.notified(e)
	case FoundMain:
		s.foundMain(e)
	}
	s.expire()
	s.dispatch()
	return s.out
}

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
	}
	if s.halt != "" && !s.halted {
		sooner(s.haltLimit)
		sooner(s.haltTell)
	}
	return next
}

func (s *Supervisor) do(a Action) { s.out = append(s.out, a) }

func (s *Supervisor) token(u *unit) Token {
	s.lastToken++
	s.tokens[s.lastToken] = u
	return s.lastToken
}

// enter changes a unit's phase. limit is the time until its deadline; Infinity
// and 0 set none.
func (s *Supervisor) enter(u *unit, p Phase, limit time.Duration) {
	if p != u.phase {
		c := Changed{Unit: u.Name, From: u.phase, To: p}
		if p.down() {
			c.Result, c.Cause = u.result, u.cause
		}
		s.do(c)
	}
	u.phase, u.since, u.deadline = p, s.now, 0
	if limit > 0 && limit < plan.Infinity-s.now {
		u.deadline = s.now + limit
	}
}

// expire acts on every deadline that has passed.
func (s *Supervisor) expire() {
	for _, u := range s.units {
		if u.deadline != 0 && u.deadline <= s.now {
			u.deadline = 0
			s.expired(u)
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
