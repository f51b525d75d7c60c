package supervisor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

func socketSystem(change ...func(*plan.Unit)) *plan.Plan {
	p := system(service("a", append(change, func(u *plan.Unit) {
		u.Enabled = false
		u.Service.Sockets = []string{"a.socket"}
		u.After = []string{"a.socket"}
	})...))
	p.Units[1].Wants = []string{"a.socket"}
	p.Units = append(p.Units, plan.Unit{Name: "a.socket", Enabled: true, Socket: &plan.Socket{Service: "a", TriggerLimit: plan.StartLimit{Interval: 2 * time.Second, Burst: 3}}})
	return p
}

func TestSocket(t *testing.T) {
	k := newKernel(socketSystem())
	k.fold(Boot{})
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Listening})
	k.fold(Incoming{Unit: "a.socket"})
	k.good()
	phases(t, k, map[string]Phase{"a": Running, "a.socket": Running})
	// The end of the service has the socket watched again.
	k.exit(k.of("a")[0], 0, 0)
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Listening})
	for range 2 {
		k.fold(Incoming{Unit: "a.socket"})
		k.good()
		k.exit(k.of("a")[0], 0, 0)
		k.good()
	}
	k.fold(Incoming{Unit: "a.socket"})
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Failed})
	if v, _ := k.s.View("a.socket"); v.Result != TriggerLimit {
		t.Errorf("%+v", v)
	}
}

// A service that cannot start takes its socket with it, rather than be started
// for ever by the use that nobody answers.
func TestSocketOfHopelessService(t *testing.T) {
	k := newKernel(socketSystem(func(u *plan.Unit) { u.StartLimit = plan.StartLimit{Interval: time.Minute, Burst: 1} }))
	k.fold(Boot{})
	k.good()
	for range 2 {
		k.fold(Incoming{Unit: "a.socket"})
		k.good()
		for _, p := range k.of("a") {
			k.exit(p, 1, 0)
		}
		k.good()
	}
	phases(t, k, map[string]Phase{"a": Failed, "a.socket": Failed})
}

func TestSocketThatCannotListen(t *testing.T) {
	k := newKernel(socketSystem())
	k.fold(Boot{})
	k.asked[0] = Listened{Token: k.asked[0].(Listened).Token, Err: "listen at 80: address already in use"}
	k.good()
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Failed, "default.target": Running})
	if v, _ := k.s.View("a.socket"); !strings.Contains(v.Cause, "address already in use") {
		t.Errorf("%+v", v)
	}
}

// Rebuild goes on with sockets that are open and services of which no main
// process is known.
func TestRebuildAdopts(t *testing.T) {
	k := newKernel(socketSystem())
	k.s = Rebuild(k.s.plan, k.s, []Alive{{Unit: "a.socket"}, {Unit: "a", Invocation: 7}}, k.now)
	actions := k.s.Fold(k.now, Tick{})
	phases(t, k, map[string]Phase{"a": Running, "a.socket": Listening})
	if !slices.ContainsFunc(actions, func(a Action) bool { w, ok := a.(Watch); return ok && w.On }) {
		t.Errorf("the socket is not watched: %+v", actions)
	}
}

// A start that comes to nothing leaves its socket listening, not deaf.
func TestSocketOfCanceledStart(t *testing.T) {
	p := socketSystem()
	p.Units[0].After = append(p.Units[0].After, "slow")
	p.Units = append(p.Units, service("slow", typed(plan.Notify), func(u *plan.Unit) { u.Enabled = false }))
	k := newKernel(p)
	k.fold(Boot{})
	k.good()
	k.fold(Request{Verb: VerbStart, Unit: "slow"})
	k.fold(Incoming{Unit: "a.socket"})
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Running})
	k.fold(Request{Verb: VerbStop, Unit: "a"})
	phases(t, k, map[string]Phase{"a": Dead, "a.socket": Listening})
}
