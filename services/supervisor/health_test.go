package supervisor

import (
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

// probed answers one probe, and passes the time until the next.
func (k *kernel) probed(code int) {
	for k.answer() {
	}
	for _, p := range k.of("a") {
		if p.role == RoleProbe {
			k.exit(p, code, 0)
		}
	}
	if next := k.s.byName["a"].health.next; next > 0 {
		k.now = next
		k.fold(Tick{})
	}
}

func TestHealth(t *testing.T) {
	probe := func(action string, gate bool) func(*plan.Unit) {
		return with(func(s *plan.Service) {
			s.Health = &plan.Health{Probe: plan.Probe{At: &plan.Address{Port: 1}}, Interval: time.Second, Timeout: time.Second,
				Failures: 2, Successes: 2, Action: action, Gate: gate}
		})
	}
	start := func(change ...func(*plan.Unit)) *kernel {
		k := newKernel(system(service("a", change...)))
		k.fold(Boot{})
		for k.answer() {
		}
		return k
	}
	t.Run("thresholds", func(t *testing.T) {
		k := start(probe("", false))
		for i, c := range []struct {
			code int
			want HealthState
		}{{0, HealthUnknown}, {0, Healthy}, {1, Healthy}, {0, Healthy}, {1, Healthy}, {1, IsUnhealthy}, {0, IsUnhealthy}, {0, Healthy}} {
			if k.probed(c.code); view(k).Health != c.want {
				t.Errorf("after probe %d: %s, want %s", i+1, view(k).Health, c.want)
			}
		}
		phases(t, k, map[string]Phase{"a": Running})
	})
	t.Run("how long a probe takes", func(t *testing.T) {
		k := start(probe("", false))
		if v := view(k); v.Probed != 0 || v.ProbeTook != 0 {
			t.Errorf("before the first has ended: %+v", v)
		}
		for k.answer() {
		}
		k.now += 300 * time.Millisecond
		ended := k.now
		k.probed(1) // and the next one begins
		if v := view(k); v.Probed != ended || v.ProbeTook != 300*time.Millisecond || v.ProbesBad != 1 {
			t.Errorf("want 300ms until %v, and 1 bad: %+v", ended, v)
		}
	})
	t.Run("a probe without an answer has failed", func(t *testing.T) {
		k := start(probe("", false))
		for range 2 {
			k.tick() // the timeout
			k.tick() // the next
		}
		if v := view(k); v.Health != IsUnhealthy || !strings.Contains(v.HealthCause, "no answer within 1s") || k.s.Summary().State != "degraded" {
			t.Errorf("%+v %+v", v, k.s.Summary())
		}
	})
	t.Run("gate", func(t *testing.T) {
		k := start(probe("", true))
		phases(t, k, map[string]Phase{"a": Gated, "default.target": Dead})
		k.probed(1)
		k.probed(0)
		phases(t, k, map[string]Phase{"a": Gated})
		k.probed(0)
		phases(t, k, map[string]Phase{"a": Running, "default.target": Running})
	})
	t.Run("a gate is bounded", func(t *testing.T) {
		k := start(probe("", true))
		for range 100 {
			k.probed(1)
		}
		phases(t, k, map[string]Phase{"a": StopTerm})
	})
	t.Run("action", func(t *testing.T) {
		for action, want := range map[string]Phase{"restart": Backoff, "stop": Failed} {
			k := start(probe(action, false))
			k.probed(1)
			k.probed(1)
			for k.reap() {
			}
			phases(t, k, map[string]Phase{"a": want})
			if v := view(k); v.Result != Unhealthy {
				t.Errorf("%+v", v)
			}
		}
	})
	t.Run("grace", func(t *testing.T) {
		k := start(probe("stop", false), with(func(s *plan.Service) { s.Health.Grace = time.Minute }))
		for k.now < 50*time.Second {
			k.probed(1)
		}
		phases(t, k, map[string]Phase{"a": Running})
	})
}
