package learn

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"clarityos/learn/predict"
	"clarityos/learn/profiles"
	"clarityos/services/bus/client"
	"clarityos/services/plan"
)

// A unit whose policy is a restart is restarted once, here without a PID 1 that would,
// and one whose policy is to report is not.
func TestActs(t *testing.T) {
	var mu sync.Mutex
	var said []string
	c := &component{Config: Config{Say: func(s string) { mu.Lock(); defer mu.Unlock(); said = append(said, s) }}, publisher: client.NewPublisher(t.TempDir()+"/none", nil)}
	const begun, now = time.Minute, time.Minute + time.Hour
	p := &predicting{component: c, units: map[string]*foreseen{}, control: t.TempDir() + "/none", clock: func() time.Duration { return now }}
	for unit, policy := range map[string]plan.PredictedFailure{"a.service": plan.PredictedRestart, "b.service": ""} {
		p.fold(profiles.Change{Unit: unit, Active: "active", At: begun, Begun: begun, Up: begun},
			&plan.Unit{Name: unit, Service: &plan.Service{PredictedFailure: policy, TimeoutStart: plan.Infinity}}, "system.slice/"+unit)
		for at := begun; at < now; at += 10 * time.Second {
			p.tell(p.book.Sample(unit, at, []predict.Reading{{Kind: predict.Tasks, Value: 1000 * (at - begun).Hours(), Limit: 1001, Of: "TasksMax= of " + unit}}))
		}
	}
	for range 3 {
		p.act(t.Context())
		p.acts.Wait()
	}
	restarts := 0
	for _, s := range said {
		if strings.HasPrefix(s, "a.service: restart, since its processes and threads have grown by ") {
			restarts++
		}
		if strings.HasPrefix(s, "b.service: ") {
			t.Errorf("its policy is to report: %s", s)
		}
	}
	all := fmt.Sprint(strings.Join(said, "\n"))
	if restarts != 1 || !strings.Contains(all, "a.service: restart: connect to PID 1: ") || !strings.Contains(all, "b.service is likely to fail in ") {
		t.Errorf("%d restarts in:\n%s", restarts, all)
	}
}
