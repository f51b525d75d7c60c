package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/services/plan"
)

// kernel is a fake of what lies below PID 1: it remembers what was asked and
// answers when the test says so.
type kernel struct {
	s       *Supervisor
	now     time.Duration
	procs   map[Token]*proc
	asked   []Event // answers that are ready to be given
	done    map[uint64]Done
	records []string
	booted  int
	halts   []Halt
	broken  []string // properties that did not hold
	deaf    func(*proc) bool
	trace   []string
	newest  map[string]uint64 // by unit: its latest invocation
	jobs    map[*unit]*job    // before the event that is being folded
	health  map[string]HealthState
	blind   bool // what others need of a unit is never there

	stalled   time.Duration // tasks have waited for CPUs
	uncounted bool          // … which is not known
}

type proc struct {
	token Token
	unit  string
	role  Role
	inv   uint64
	dying bool
	born  bool // Spawned was told; no signal reaches it before

	favoured bool
}

func newKernel(p *plan.Plan) *kernel {
	return &kernel{s: New(p), now: time.Second, procs: map[Token]*proc{}, done: map[uint64]Done{}, newest: map[string]uint64{}, health: map[string]HealthState{}, deaf: func(*proc) bool { return false }}
}

func (k *kernel) fold(e Event) {
	k.trace = append(k.trace, fmt.Sprintf("%v %T%+v", k.now, e, e))
	k.jobs = map[*unit]*job{}
	for _, u := range k.s.units {
		k.jobs[u] = u.job
	}
	for _, a := range k.s.Fold(k.now, e) {
		k.trace = append(k.trace, fmt.Sprintf("    %T %v", a, brief(a)))
		k.act(a)
	}
	for _, u := range k.s.units { // a wait is told in words and by units, which say the same
		if u.job != nil && !u.job.running {
			k.sameWaits(u)
		}
		if told := k.health[u.Name]; told != u.health.state {
			k.breaks("the health of %s was told to be %q and is %q", u.Name, told, u.health.state)
		}
	}
	for _, p := range k.procs {
		if u := k.s.byName[p.unit]; p.favoured && (u.favoured == 0 || u.phase.up() && u.look.until == 0 || u.favoured > k.s.now+favouredMost) {
			k.breaks("%s is favoured still", p.unit)
		}
	}
	waits := slices.ContainsFunc(k.s.units, func(u *unit) bool { return u.job != nil })
	moves := slices.ContainsFunc(k.s.units, func(u *unit) bool {
		return u.job != nil && (u.job.running || k.s.givesWay(u) > 0) || !u.phase.up() && !u.phase.down()
	})
	if waits && !moves {
		k.breaks("every job waits for another one: %v", k.s.Summary().Waiting)
	}
}

func (k *kernel) sameWaits(u *unit) {
	var units, words []string
	for _, b := range k.s.blockers(u) {
		units = append(units, b.Name)
	}
	for _, w := range k.s.waitsFor(u, 0) {
		if name := strings.TrimSuffix(strings.Fields(w)[0], ","); k.s.byName[name] != nil {
			words = append(words, name)
		}
	}
	slices.Sort(units)
	slices.Sort(words)
	if !slices.Equal(slices.Compact(units), slices.Compact(words)) {
		k.breaks("%s waits for %q, which is told as %q", u.Name, units, k.s.waitsFor(u, 0))
	}
}

func brief(a Action) string {
	switch a := a.(type) {
	case Spawn:
		if a.Command == nil {
			return fmt.Sprintf("%s %d %s", a.Unit.Name, a.Token, a.Role)
		}
		return fmt.Sprintf("%s %d %s %v", a.Unit.Name, a.Token, a.Role, a.Command.Argv)
	case SignalAll:
		return fmt.Sprintf("%s %d", a.Unit.Name, a.Sig)
	case Kill:
		return a.Unit.Name
	case End:
		return fmt.Sprintf("%s %d", a.Unit.Name, a.Invocation)
	case Check:
		return a.Unit.Name
	case FindMain:
		return fmt.Sprintf("%s %d %s", a.Unit.Name, a.Token, a.PIDFile)
	}
	return fmt.Sprintf("%+v", a)
}

func (k *kernel) act(a Action) {
	switch a := a.(type) {
	case Check:
		k.asked = append(k.asked, Checked{Token: a.Token})
	case Spawn:
		k.spawned(a)
	case FindMain:
		if a.PID == 0 {
			k.procs[a.Token] = &proc{token: a.Token, unit: a.Unit.Name, role: RoleMain, born: true, favoured: k.s.byName[a.Unit.Name].favoured > 0} // a child of one that is
			k.asked = append(k.asked, FoundMain{Token: a.Token, PID: int(a.Token) + 1000})
		}
	case Signal:
		p := k.procs[a.Token]
		switch {
		case p == nil || !p.born:
		case !k.deaf(p):
			p.dying = true
		}
		if p != nil && a.Sig == 9 { // given up; what is not born yet is killed when it appears
			p.role, p.dying = "killed", p.born
		}
	case SignalAll:
		for _, p := range k.of(a.Unit.Name) {
			if p.born && !k.deaf(p) {
				p.dying = true
			}
		}
	case Kill:
		for _, p := range k.of(a.Unit.Name) {
			p.dying = p.born
		}
	case Unfavour:
		for _, p := range k.of(a.Unit.Name) {
			p.favoured = false
		}
	case AskStalled:
		k.asked = append(k.asked, Stalled{Total: k.stalled, Unknown: k.uncounted})
	case Look:
		k.asked = append(k.asked, Looked{Token: a.Token, There: !k.blind, Missing: "unix /run/x"})
	case Health:
		k.health[a.Unit] = a.State
	case Listen:
		k.asked = append(k.asked, Listened{Token: a.Token})
	case End:
		if a.Abandoned { // what is left lies in a cgroup that nobody looks at any more
			for _, p := range k.of(a.Unit.Name) {
				delete(k.procs, p.token)
			}
		}
	case Done:
		if _, twice := k.done[a.Client]; twice {
			k.breaks("client %d was answered twice", a.Client)
		}
		k.done[a.Client] = a
	case Record:
		k.records = append(k.records, a.Message)
	case BootDone:
		k.booted++
	case Halt:
		k.halts = append(k.halts, a)
	}
}

func (k *kernel) spawned(a Spawn) {
	for _, p := range k.of(a.Unit.Name) {
		if p.role == a.Role && (a.Role == RoleControl || a.Unit.Service.Type != plan.Forking) && a.Unit.Service.KillMode != plan.KillNone {
			k.breaks("%s: a second %s process while one lives", a.Unit.Name, a.Role)
		}
	}
	// The order counts when a job begins a run: what starts by itself, or had
	// begun before a neighbour's job came, goes on; and a job that came about
	// by the same event may be a later thought.
	u := k.s.byName[a.Unit.Name]
	first := a.Invocation > k.newest[u.Name]
	k.newest[u.Name] = a.Invocation
	if first && len(u.Conditions) == 0 && u.job != nil && u.job.running {
		for _, d := range u.after {
			if d.job != nil && d.job == k.jobs[d] && d.job.verb != VerbReload && (!d.job.unasked || u.job.unasked) {
				k.breaks("%s starts before the %s of %s is done", u.Name, d.job.verb, d.Name)
			}
		}
	}
	k.procs[a.Token] = &proc{token: a.Token, unit: a.Unit.Name, role: a.Role, inv: a.Invocation, favoured: a.Favoured}
	k.asked = append(k.asked, Spawned{Token: a.Token, PID: int(a.Token) + 1000}, Executed{Token: a.Token})
}

func (k *kernel) breaks(format string, args ...any) {
	k.broken = append(k.broken, fmt.Sprintf(format, args...))
}

// of lists the processes of a unit in order of their birth.
func (k *kernel) of(unit string) []*proc {
	var out []*proc
	for _, p := range k.procs {
		if p.unit == unit {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *proc) int { return int(a.token) - int(b.token) })
	return out
}

func (k *kernel) all() []*proc {
	var out []*proc
	for _, p := range k.procs {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *proc) int { return int(a.token) - int(b.token) })
	return out
}

// answer gives the oldest ready answer.
func (k *kernel) answer() bool {
	if len(k.asked) == 0 {
		return false
	}
	e := k.asked[0]
	k.asked = k.asked[1:]
	if e, ok := e.(Spawned); ok && k.procs[e.Token] != nil {
		k.procs[e.Token].born = true
	}
	k.fold(e)
	return true
}

// exit ends a process.
func (k *kernel) exit(p *proc, code, signal int) {
	delete(k.procs, p.token)
	k.asked = slices.DeleteFunc(k.asked, func(e Event) bool {
		f, ok := e.(FoundMain)
		return ok && f.Token == p.token
	})
	k.fold(Exited{Token: p.token, Code: code, Signal: signal, Populated: len(k.of(p.unit)) > 0})
	if len(k.of(p.unit)) == 0 {
		k.fold(Emptied{Unit: p.unit})
	}
}

// reap ends every process that was told to go.
func (k *kernel) reap() bool {
	for _, p := range k.all() {
		if p.dying {
			k.exit(p, 0, 15)
			return true
		}
	}
	return false
}

// good lets everything go well until nothing moves any more: starts succeed,
// commands exit with 0, services say that they are ready.
func (k *kernel) good() {
	for k.answer() || k.reap() || k.advance() {
	}
}

// advance ends one command, or makes one service ready.
func (k *kernel) advance() bool {
	for _, p := range k.all() {
		u := k.s.byName[p.unit]
		switch {
		case p.role == RoleControl, p.role == RoleProbe, u.phase == Start && u.Service.Type == plan.Oneshot, u.phase == Start && u.Service.Type == plan.Forking && u.question == 0:
			k.exit(p, 0, 0)
			return true
		case u.phase == Reloading && u.reload.ready && p.role == RoleMain:
			k.fold(Notified{Unit: p.unit, Invocation: u.invocation, PID: int(p.token) + 1000, Reloading: !u.reload.told, Ready: u.reload.told})
			return true
		case u.phase == Start && (u.Service.Type == plan.Notify || u.Service.Type == plan.Reloads):
			k.fold(Notified{Unit: p.unit, Invocation: u.invocation, PID: int(p.token) + 1000, Ready: true})
			return true
		}
	}
	return false
}

// tick passes time until the next deadline; false when there is none.
func (k *kernel) tick() bool {
	next := k.s.Next()
	if next == 0 {
		return false
	}
	k.now = max(k.now, next)
	k.fold(Tick{})
	return true
}
