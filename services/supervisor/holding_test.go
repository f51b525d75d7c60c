package supervisor

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/plan"
)

// A chain of waits is reduced to the unit where it begins, however many stand
// behind it; one that holds nobody counts as well.
func TestHolding(t *testing.T) {
	k := newKernel(system(
		service("first.service", typed(plan.Notify)),
		service("second.service", after("first.service")),
		service("third.service", after("second.service")),
		service("alone.service", typed(plan.Oneshot), with(func(s *plan.Service) { s.TimeoutStart = plan.Infinity })),
		service("fine.service"),
	))
	k.fold(Boot{})
	for k.answer() {
	}
	k.now += 10 * time.Second
	k.fold(Tick{})
	var got []string
	for _, h := range k.s.Holding("") {
		got = append(got, h.String())
	}
	want := []string{
		`first.service (start for 10s, at most 1m20s more): "first.service" runs and is not ready by the rules of Type=notify; 3 jobs wait for it`,
		`alone.service (start for 10s, without a limit): "alone.service" has not ended; 1 job waits for it`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all that is under way (-want +got):\n%s\n%s", diff, strings.Join(k.trace, "\n"))
	}
	for name, root := range map[string]string{"third.service": "first.service", "first.service": "first.service", "fine.service": "", "no.service": ""} {
		var got []string
		for _, h := range k.s.Holding(name) {
			got = append(got, h.Unit)
		}
		if strings.Join(got, " ") != root {
			t.Errorf("%s is held by %q, want %q", name, got, root)
		}
	}
}

// Every job that waits has a root, whatever the supervisor is asked for: nothing
// waits without a name.
func TestHoldingNamesAll(t *testing.T) {
	k := newKernel(system(
		service("a.service", typed(plan.Notify)), service("b.service", requires("a.service")), service("c.service", requires("b.service")),
	))
	check := func() {
		t.Helper()
		for _, v := range k.s.Views() {
			if len(v.WaitsFor) > 0 && len(k.s.Holding(v.Name)) == 0 {
				t.Errorf("%s waits for %q, and no unit is named", v.Name, v.WaitsFor)
			}
		}
	}
	k.fold(Boot{})
	check()
	for _, r := range []Request{
		{Verb: VerbStop, Unit: "a.service", Client: 1}, {Verb: VerbRestart, Unit: "c.service", Client: 2}, {Verb: VerbStart, Unit: "b.service", Client: 3}, {Verb: VerbRestart, Unit: "a.service", Client: 4}, {Verb: VerbStop, Unit: "c.service", Client: 5},
	} {
		k.fold(r)
		check()
		for k.answer() {
		}
		check()
	}
	k.fold(Shutdown{Reboot})
	check()
}

func TestWhyTellsMore(t *testing.T) {
	k := newKernel(system(
		service("db.service", func(u *plan.Unit) { u.Broken = "/etc/db.service:3: Type=: no type" }),
		service("api.service", requires("db.service")),
		service("web.service", requires("api.service")),
		service("slow.service", typed(plan.Notify)),
		service("late.service", after("slow.service")),
	))
	k.fold(Boot{})
	for k.answer() {
	}
	for name, want := range map[string][]string{
		"db.service": {"db.service is failed", "because of it: api.service failed, web.service failed",
			"next: correct the unit file, then `clarityctl reload-plan`", "next: `clarityctl start db.service` tries again"},
		"web.service":  {"  api.service is failed", "    db.service is failed", "next: `clarityctl why api.service` tells"},
		"late.service": {"  slow.service is activating", "next: it goes on after slow.service (start for 0s"},
		"slow.service": {"because of it: default.target waits, late.service waits", "next: `clarityctl logs -u slow.service`"},
	} {
		lines, _ := k.s.Why(name)
		text := strings.Join(lines, "\n")
		for _, w := range want {
			if !strings.Contains("\n"+text, "\n"+w) {
				t.Errorf("why %s lacks %q:\n%s", name, w, text)
			}
		}
	}
}
