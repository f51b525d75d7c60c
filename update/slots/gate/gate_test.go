package gate

import (
	"strings"
	"testing"
	"time"

	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

func TestGate(t *testing.T) {
	type seen struct {
		at    time.Duration
		state string // of the whole
		units string // name=active/health, …
	}
	trial := plan.Trial{For: 30 * time.Second, Within: 5 * time.Minute}
	named := trial
	named.Units = []string{"app.service"}
	for name, c := range map[string]struct {
		plan.Trial
		seen []seen
		want Verdict
		why  string
	}{
		"well for long enough": {trial, []seen{{9 * time.Second, "starting", "app=activating"}, {10 * time.Second, "running", "app=active"}, {40 * time.Second, "running", "app=active"}}, Good, ""},
		"not yet":              {trial, []seen{{10 * time.Second, "running", "app=active"}, {39 * time.Second, "running", "app=active"}}, Unknown, ""},
		"with a break": {trial, []seen{{10 * time.Second, "running", "app=active"}, {20 * time.Second, "starting", "app=activating"},
			{30 * time.Second, "running", "app=active"}, {59 * time.Second, "running", "app=active"}}, Unknown, ""},
		"failed":                  {trial, []seen{{10 * time.Second, "degraded", "app=active other=failed"}}, Bad, "other.service has failed: exit status 1"},
		"unhealthy":               {trial, []seen{{70 * time.Second, "degraded", "app=active/unhealthy"}}, Bad, "app.service is unhealthy: no answer"},
		"not probed":              {trial, []seen{{10 * time.Second, "running", "app=active/unknown"}, {80 * time.Second, "running", "app=active/unknown"}}, Unknown, ""},
		"never up":                {trial, []seen{{301 * time.Second, "starting", "app=activating"}}, Bad, "after 5m0s these units were not up and well: app.service"},
		"never well for long":     {trial, []seen{{290 * time.Second, "starting", "app=activating"}, {299 * time.Second, "running", "app=active"}, {310 * time.Second, "starting", "app=active other=active"}, {328 * time.Second, "running", "app=active"}}, Unknown, ""},
		"others do not matter":    {named, []seen{{10 * time.Second, "degraded", "app=active other=failed"}, {40 * time.Second, "degraded", "app=active other=failed"}}, Good, ""},
		"there is none":           {named, []seen{{10 * time.Second, "running", "other=active"}}, Bad, "there is no unit app.service"},
		"it has done its work":    {trial, []seen{{10 * time.Second, "running", "once=inactive"}, {40 * time.Second, "running", "once=inactive"}}, Good, ""},
		"may be started still":    {trial, []seen{{10 * time.Second, "starting", "once=inactive"}, {100 * time.Second, "starting", "once=inactive"}}, Unknown, ""},
		"the boot has ended late": {trial, []seen{{299 * time.Second, "running", "app=active"}, {329 * time.Second, "running", "app=active"}}, Good, ""},
	} {
		g := Gate{Trial: c.Trial}
		var v Verdict
		var why string
		for _, s := range c.seen {
			r := control.StatusReply{Now: s.at, Summary: supervisor.Summary{State: s.state}}
			for _, u := range strings.Fields(s.units) {
				n, state, _ := strings.Cut(u, "=")
				active, health, _ := strings.Cut(state, "/")
				v := supervisor.View{Name: n + ".service", Active: active, Enabled: true, Health: supervisor.HealthState(health)}
				if active == "failed" {
					v.Cause = v.Name + ": exit status 1"
				}
				if v.Health == supervisor.IsUnhealthy {
					v.HealthCause = "no answer"
				}
				r.Units = append(r.Units, v)
			}
			v, why = g.See(r)
		}
		if v != c.want || why != c.why {
			t.Errorf("%s: %v %q", name, v, why)
		}
	}
}
