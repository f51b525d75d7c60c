package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

func service(name string, change ...func(*plan.Unit)) plan.Unit {
	u := plan.Unit{Name: name, Enabled: true, StartLimit: plan.StartLimit{Interval: 10 * time.Second, Burst: 5}, Service: &plan.Service{
		Type: plan.Simple, Restart: plan.RestartNo, RestartDelay: 100 * time.Millisecond, GuessMainPID: true,
		Start:        []plan.Command{{Path: "/bin/" + name, Argv: []string{name}}},
		TimeoutStart: 90 * time.Second, TimeoutStop: 90 * time.Second,
		KillMode: plan.KillControlGroup, KillSignal: 15, FinalSignal: 9, SendSIGKILL: true, NotifyAccess: "main",
	}}
	for _, c := range change {
		c(&u)
	}
	return u
}

func after(names ...string) func(*plan.Unit) {
	return func(u *plan.Unit) { u.After = append(u.After, names...) }
}
func requires(names ...string) func(*plan.Unit) {
	return func(u *plan.Unit) { u.Requires, u.After = append(u.Requires, names...), append(u.After, names...) }
}
func typed(t plan.Type) func(*plan.Unit) { return func(u *plan.Unit) { u.Service.Type = t } }
func with(f func(*plan.Service)) func(*plan.Unit) {
	return func(u *plan.Unit) { f(u.Service) }
}

// system makes a plan whose default target wants all units.
func system(units ...plan.Unit) *plan.Plan {
	p := &plan.Plan{Default: "default.target"}
	target := plan.Unit{Name: "default.target", Enabled: true}
	for _, u := range units {
		target.Wants = append(target.Wants, u.Name)
		target.After = append(target.After, u.Name)
	}
	p.Units = append(units, target)
	slices.SortFunc(p.Units, func(a, b plan.Unit) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func phases(t *testing.T, k *kernel, want map[string]Phase) {
	t.Helper()
	for name, p := range want {
		if v, _ := k.s.View(name); v.Phase != p {
			t.Errorf("%s is %s, want %s (%s)\n%s", name, v.Phase, p, v.Cause, strings.Join(k.trace, "\n"))
		}
	}
	for _, b := range k.broken {
		t.Error(b)
	}
}

func TestBoot(t *testing.T) {
	k := newKernel(system(
		service("a", typed(plan.Notify)), service("b", requires("a")), service("c", typed(plan.Oneshot)),
		service("d", typed(plan.Forking), after("c"), with(func(s *plan.Service) { s.PIDFile = "/run/d.pid" })),
		service("e", typed(plan.Oneshot), with(func(s *plan.Service) { s.RemainAfterExit = true })),
	))
	k.fold(Boot{})
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "b": Running, "c": Dead, "d": Running, "e": Finished, "default.target": Running})
	if sum := k.s.Summary(); k.booted != 1 || sum.State != "running" || len(sum.Failed) != 0 {
		t.Errorf("booted %d times, %+v", k.booted, sum)
	}
}

// A service may be ready before PID 1 hears that the fork returned, and only its
// own word counts.
func TestReadyBeforeSpawned(t *testing.T) {
	k := newKernel(system(service("a", typed(plan.Notify))))
	k.fold(Boot{})
	k.fold(Notified{Unit: "a", Invocation: k.newest["a"], PID: 7, Ready: true})
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Start})

	k = newKernel(system(service("a", typed(plan.Notify))))
	k.fold(Boot{})
	k.fold(Notified{Unit: "a", Invocation: k.newest["a"], PID: int(k.of("a")[0].token) + 1000, Ready: true})
	phases(t, k, map[string]Phase{"a": Start})
	for k.answer() {
	}
	phases(t, k, map[string]Phase{"a": Running, "default.target": Running})
}

func TestFailedDependency(t *testing.T) {
	k := newKernel(system(service("db", typed(plan.Notify)), service("app", requires("db")), service("web", requires("app")), service("other")))
	k.fold(Boot{})
	for k.answer() {
	}
	k.exit(k.of("db")[0], 3, 0)
	k.good()
	phases(t, k, map[string]Phase{"db": Failed, "app": Failed, "web": Failed, "other": Running, "default.target": Running})
	if k.booted != 1 || k.s.Summary().State != "degraded" {
		t.Errorf("booted %d, %+v", k.booted, k.s.Summary())
	}
	want := "db failed: /bin/db exited with status 3 before it said READY=1; so these do not start: app, web"
	if !slices.Contains(k.records, want) {
		t.Errorf("records %q lack %q", k.records, want)
	}
	why, _ := k.s.Why("web")
	if s := strings.Join(why, "\n"); !strings.Contains(s, "it requires app, which failed") || !strings.Contains(s, "exited with status 3") {
		t.Errorf("why web:\n%s", s)
	}
}

func TestRestart(t *testing.T) {
	k := newKernel(system(service("a", with(func(s *plan.Service) { s.Restart = plan.RestartAlways }))))
	k.fold(Boot{})
	k.good()
	for i := 1; i < 5; i++ {
		k.exit(k.of("a")[0], 1, 0)
		phases(t, k, map[string]Phase{"a": Backoff})
		k.tick()
		k.good()
		phases(t, k, map[string]Phase{"a": Running})
	}
	k.exit(k.of("a")[0], 1, 0)
	k.tick()
	phases(t, k, map[string]Phase{"a": Failed})
	if v, _ := k.s.View("a"); v.Result != StartLimit {
		t.Errorf("%+v", v)
	}
	k.fold(Request{Verb: VerbStart, Unit: "a", Client: 7})
	k.good()
	phases(t, k, map[string]Phase{"a": Running})
	if k.done[7].Outcome != OutcomeDone {
		t.Errorf("%+v", k.done[7])
	}
}

func TestRestartSecZeroIsAtOnce(t *testing.T) {
	k := newKernel(system(service("a", with(func(s *plan.Service) { s.Restart, s.RestartDelay = plan.RestartAlways, 0 }))))
	k.fold(Boot{})
	k.good()
	k.exit(k.of("a")[0], 0, 9)
	if len(k.of("a")) != 1 {
		t.Errorf("not started again in the same step:\n%s", strings.Join(k.trace, "\n"))
	}
}

func TestStopOrderAndRestartOfDependents(t *testing.T) {
	k := newKernel(system(service("db"), service("app", requires("db"))))
	k.fold(Boot{})
	k.good()
	k.fold(Request{Verb: VerbRestart, Unit: "db", Client: 1})
	phases(t, k, map[string]Phase{"db": Running, "app": StopTerm})
	k.good()
	phases(t, k, map[string]Phase{"db": Running, "app": Running})
	k.fold(Request{Verb: VerbStop, Unit: "db", Client: 2})
	k.good()
	phases(t, k, map[string]Phase{"db": Dead, "app": Dead})
	if k.done[1].Outcome != OutcomeDone || k.done[2].Outcome != OutcomeDone {
		t.Errorf("%+v", k.done)
	}
}

// A service that ignores TERM is killed after its time; one that even a kill
// does not end is given up, and says so.
func TestStubborn(t *testing.T) {
	k := newKernel(system(service("a")))
	k.deaf = func(*proc) bool { return true }
	k.fold(Boot{})
	k.good()
	k.fold(Request{Verb: VerbStop, Unit: "a", Client: 1})
	k.good()
	phases(t, k, map[string]Phase{"a": StopTerm})
	k.tick()
	phases(t, k, map[string]Phase{"a": StopKill})
	for _, p := range k.procs {
		p.dying = false
	}
	k.tick()
	phases(t, k, map[string]Phase{"a": Failed})
	if v, _ := k.s.View("a"); !v.Abandoned || k.done[1].Outcome != OutcomeDone {
		t.Errorf("%+v %+v", v, k.done)
	}
}

func TestConflict(t *testing.T) {
	p := system(service("a"))
	p.Units = append(p.Units, service("b", func(u *plan.Unit) { u.Conflicts = []string{"a"}; u.Enabled = false }))
	k := newKernel(p)
	k.fold(Boot{})
	k.good()
	k.fold(Request{Verb: VerbStart, Unit: "b", Client: 1})
	phases(t, k, map[string]Phase{"a": StopTerm, "b": Dead})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "b": Running})
}

func TestConditions(t *testing.T) {
	cond := func(u *plan.Unit) {
		u.Conditions = []plan.Condition{{Kind: "PathExists", Value: "/x"}}
	}
	k := newKernel(system(service("a", cond), service("b", requires("a"))))
	k.fold(Boot{})
	k.asked[0] = Checked{Token: k.asked[0].(Checked).Token, Unmet: "ConditionPathExists=/x"}
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "b": Running})
	if s := k.s.Summary(); s.State != "running" {
		t.Errorf("%+v", s)
	}
}

func TestStartTimeout(t *testing.T) {
	k := newKernel(system(service("a", typed(plan.Notify)), service("b", requires("a"))))
	k.fold(Boot{})
	for k.answer() {
	}
	why, _ := k.s.Why("b")
	if !strings.Contains(why[0], "waits for a to start") {
		t.Errorf("why %q", why)
	}
	k.tick()
	k.good()
	phases(t, k, map[string]Phase{"a": Failed, "b": Failed})
	if v, _ := k.s.View("a"); v.Result != Timeout {
		t.Errorf("%+v", v)
	}
}

func TestDelay(t *testing.T) {
	s := &plan.Service{RestartDelay: time.Second, RestartSteps: 3, RestartMaxDelay: 8 * time.Second}
	for n, want := range []time.Duration{1, 2, 4, 8, 8} {
		if got := delay(s, n).Round(time.Millisecond); got != want*time.Second {
			t.Errorf("restart %d after %v, want %v", n, got, want*time.Second)
		}
	}
}

func TestReplaceKeepsWhatRuns(t *testing.T) {
	k := newKernel(system(service("a"), service("b")))
	k.fold(Boot{})
	k.good()
	k.s.Replace(system(service("a"), service("c")))
	phases(t, k, map[string]Phase{"a": Running, "b": Running, "c": Dead})
	k.fold(Request{Verb: VerbStart, Unit: "c", Client: 1})
	k.good()
	phases(t, k, map[string]Phase{"c": Running})
}

// An order that had a cycle is told once, and leaves the boot complete but
// degraded.
func TestCycleDegrades(t *testing.T) {
	p := system(service("a"), service("b", after("a")))
	p.Findings = []plan.Finding{{Unit: "a", Kind: plan.Cycle, Message: "left out a after b"}, {Unit: "gone", Kind: plan.Cycle, Message: "of nobody"}}
	k := newKernel(p)
	k.fold(Boot{})
	k.good()
	sum := k.s.Summary()
	if k.booted != 1 || sum.State != "degraded" || !slices.Equal(sum.Cycles, []string{"left out a after b"}) || len(sum.Failed) > 0 {
		t.Errorf("booted %d, %+v", k.booted, sum)
	}
	told := slices.DeleteFunc(slices.Clone(k.records), func(r string) bool { return !strings.Contains(r, "left out") })
	if len(told) != 1 {
		t.Errorf("told: %q", told)
	}
}

// A stop that comes while the fork is under way reaches the process once it is
// there, and so does the kill of a command that was given up.
func TestStopBeforeSpawned(t *testing.T) {
	reload := func(s *plan.Service) { s.Reload = []plan.Command{{Path: "/bin/r", Argv: []string{"r"}}} }
	k := newKernel(system(service("a"), service("b", with(reload))))
	k.fold(Boot{})
	k.fold(Request{Verb: VerbStop, Unit: "a", Client: 1})
	phases(t, k, map[string]Phase{"a": StopTerm})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead})

	k.fold(Request{Verb: VerbReload, Unit: "b", Client: 2})
	k.fold(Request{Verb: VerbStop, Unit: "b", Client: 3})
	k.good()
	phases(t, k, map[string]Phase{"b": Dead})
	if len(k.procs) > 0 || k.now != time.Second {
		t.Errorf("%d processes are left\n%s", len(k.procs), strings.Join(k.trace, "\n"))
	}
}

// What waits to start again is stopped with what it requires.
func TestStopReachesBackoff(t *testing.T) {
	k := newKernel(system(service("db"), service("app", requires("db"), with(func(s *plan.Service) { s.Restart = plan.RestartAlways }))))
	k.fold(Boot{})
	k.good()
	k.exit(k.of("app")[0], 1, 0)
	phases(t, k, map[string]Phase{"app": Backoff})
	k.fold(Request{Verb: VerbStop, Unit: "db", Client: 1})
	k.good()
	for k.tick() {
		k.good()
	}
	phases(t, k, map[string]Phase{"db": Dead, "app": Dead})
}

// A main process that fails while ExecStop= runs makes the run a failure.
func TestFailureDuringExecStop(t *testing.T) {
	k := newKernel(system(service("a", with(func(s *plan.Service) { s.Stop = []plan.Command{{Path: "/bin/s", Argv: []string{"s"}}} }))))
	k.fold(Boot{})
	k.good()
	k.fold(Request{Verb: VerbStop, Unit: "a", Client: 1})
	k.answer()
	k.exit(k.of("a")[0], 3, 0)
	k.good()
	phases(t, k, map[string]Phase{"a": Failed})
}

// A boot that failed can be tried again, and again says when it has ended.
func TestBootAgain(t *testing.T) {
	p := system(service("a", typed(plan.Oneshot)))
	p.Units[1].Requires = []string{"a"}
	k := newKernel(p)
	for n := 1; n <= 3; n++ {
		k.fold(Boot{})
		for k.answer() {
		}
		k.exit(k.of("a")[0], 1, 0)
		phases(t, k, map[string]Phase{"a": Failed, "default.target": Failed})
		if k.booted != n {
			t.Errorf("told %d times that boot %d has ended", k.booted, n)
		}
	}
}

// A shutdown goes on after a panic.
func TestRebuildKeepsShutdown(t *testing.T) {
	k := newKernel(system(service("a")))
	k.fold(Boot{})
	k.good()
	k.fold(Shutdown{Kind: Reboot})
	p := k.of("a")[0]
	k.s = Rebuild(k.s.plan, k.s, []Alive{{Unit: "a", Token: p.token, PID: int(p.token) + 1000, Invocation: p.inv}}, k.now)
	k.fold(Tick{})
	k.good()
	if len(k.halts) != 1 || k.halts[0].Kind != Reboot {
		t.Errorf("%+v\n%s", k.halts, strings.Join(k.trace, "\n"))
	}
}

// A simple service is up once its process exists; that its program cannot be
// executed is heard later, and told in the same words as for the other types.
func TestNoProgram(t *testing.T) {
	for _, kind := range []plan.Type{plan.Simple, plan.Exec} {
		k := newKernel(system(service("a", typed(kind))))
		k.fold(Boot{})
		k.answer() // Spawned
		k.fold(SpawnFailed{Token: k.of("a")[0].token, Step: "execute /opt/a", Err: "no such file or directory"})
		if v, _ := k.s.View("a"); v.Phase != Failed || v.Cause != "execute /opt/a: no such file or directory" {
			t.Errorf("%s: %s, %q", kind, v.Phase, v.Cause)
		}
	}
}
