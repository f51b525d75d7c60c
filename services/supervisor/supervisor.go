package supervisor

import (
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
	order  plan.Order // what was learned
	units  []*unit    // as the plan has them
	ranked []*unit    // what most stands behind first
	bustle bustle
	goal   map[*unit]bool // what the plan's goal needs, as far as is known; nil: there is none, or nothing was learned
	byName map[string]*unit
	tokens map[Token]*unit

	now            time.Duration
	cycles         []plan.Finding // of enabled units
	lastToken      Token
	lastInvocation uint64
	out            []Action

	planning  bool // Boot is adding its jobs
	unasked   bool // PID 1 is adding jobs by itself
	booting   bool // jobs of the boot are left
	bootJobs  int
	booted    bool          // the boot's last job has ended
	bootTime  time.Duration // when
	began     time.Duration // when Boot came
	starting  []*unit       // that have begun in this boot and are not known to be of use
	halt      HaltKind      // "" unless shutting down
	impatient time.Duration // when all waits of this boot for what was learned end; 0: there was none
	haltLimit time.Duration
	haltTell  time.Duration // when to tell next what the shutdown waits for
	halted    bool

	moved []*unit // whose change of state others have to hear of
}

// unit is one unit's state.
type unit struct {
	*plan.Unit
	links
	early bool // a component stands after it

	phase      Phase
	since      time.Duration // when the phase was entered
	deadline   time.Duration // when the phase must be over; 0: never
	job        *job
	result     Result
	cause      string // of the result, in words
	invocation uint64

	main, control process
	question      Token  // of a Check or FindMain that is not answered
	retry         bool   // the PID file is looked for again at the deadline
	noMain        string // why the last look found no main process
	retryLimit    time.Duration
	list          []plan.Command
	step          int
	populated     bool    // the cgroup holds a process, as far as is known
	abandoned     bool    // the last run left processes that could not be killed
	stopWanted    bool    // the end was asked for: no restart
	exit          verdict // of the main process
	status        string
	errno         int
	blamed        *unit         // in Backoff: what explains the failure; the next run begins once it can be used
	charged       uint64        // the latest invocation of another unit that a failure was charged to
	fell          time.Duration // when it last went down after it had been up; 0: never
	renew         bool          // the run ends because it is unhealthy, and another one follows whatever Restart= says
	monitor       []string      // variables about the unit whose end started this one
	reload        reload
	watchdog      watchdog
	runtimeEnd    time.Duration // when RuntimeMaxSec= is over; 0: never
	health        health
	look          outlook
	favoured      time.Duration   // until when it is, if it is not ready before; 0: it is not
	triggers      []time.Duration // of a socket, within its trigger limit's interval
	unheard       []Notified      // from an unknown process while the pid of one of ours is not known

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

// markEarly marks what u stands after, directly or not.
func (u *unit) markEarly() {
	for _, d := range u.after {
		if !d.early {
			d.early = true
			d.markEarly()
		}
	}
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
		if u == nil || u.Kind() != next.Kind() {
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

// Alive is what is known to run of a unit: its main process or, with Token 0,
// processes of which none is known to be that; or its open descriptors.
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
		u := s.byName[a.Unit]
		switch {
		case u == nil:
		case u.Socket != nil:
			s.enter(u, Listening, 0)
			s.do(Watch{Unit: u.Unit, On: true})
		case u.Service != nil:
			if a.Token != 0 {
				u.main = process{a.Token, a.PID, true}
				s.tokens[a.Token] = u
			}
			u.populated, u.invocation = true, a.Invocation
			u.active, u.everUp, u.result = now, true, Success
			s.enter(u, Running, 0)
		}
	}
	for _, u := range s.units {
		if u.Service == nil && u.Socket == nil && u.Enabled {
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
	case OOMKilled:
		s.oomKilled(e)
	case Listened:
		s.listened(e)
	case Incoming:
		s.incoming(e)
	case Looked:
		s.looked(e)
	case Stalled:
		s.stalled(e)
	case Learned:
		s.learn(e.Order)
	}
	s.expire()
	for again := true; again; {
		s.dispatch()
		again = s.propagate()
	}
	s.lookForQuiet()
	s.haltWhenDone()
	out := s.out
	s.out = nil
	return out
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
	if p.down() || p.up() {
		s.moved = append(s.moved, u)
	}
	u.phase, u.since, u.deadline = p, s.now, 0
	if limit > 0 && limit < plan.Infinity-s.now {
		u.deadline = s.now + limit
	}
}
