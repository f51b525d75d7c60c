package predict

import (
	"strings"
	"testing"
	"time"

	"clarityos/services/plan"
)

func TestDecide(t *testing.T) {
	// A leak that began at 100s and fails at 1100s at the soonest.
	leak := Prediction{Kind: Memory, Since: 100 * time.Second, At: 600 * time.Second, Soonest: 500 * time.Second, Basis: "it leaks"}
	of := func(k Kind) Prediction { p := leak; p.Kind = k; return p }
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	for name, c := range map[string]struct {
		in  Situation
		act Act
		why string
	}{
		"report":                             {Situation{Prediction: leak, Now: at(1099), Quiet: true}, "", "is report"},
		"restart, far":                       {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(949), Quiet: true}, "", "there is time"},
		"restart, near and quiet":            {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(951), Quiet: true}, Restart, "it leaks; the machine is quiet"},
		"restart, near and busy":             {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(1049)}, "", "the machine is busy"},
		"restart, last moment":               {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(1051)}, Restart, "cannot wait any longer"},
		"restart, overdue":                   {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(5000)}, Restart, "cannot wait any longer"},
		"restart, again too soon":            {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(1099), Restarted: at(1), Quiet: true}, "", "less than 1h0m ago"},
		"restart, again after an hour":       {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(3700), Restarted: at(99)}, Restart, ""},
		"restart does not shrink files":      {Situation{Policy: plan.PredictedRestart, Prediction: of(Disk), Now: at(1099), Quiet: true}, "", "does not help against files"},
		"restart does not end restarts":      {Situation{Policy: plan.PredictedRestart, Prediction: of(Restarts), Now: at(1099), Quiet: true}, "", "does not help"},
		"restart does not quicken starts":    {Situation{Policy: plan.PredictedRestart, Prediction: of(Starts), Now: at(1099), Quiet: true}, "", "does not help"},
		"restart ends a leak of threads":     {Situation{Policy: plan.PredictedRestart, Prediction: of(Tasks), Now: at(1000), Quiet: true}, Restart, ""},
		"restart of what fails in minutes":   {Situation{Policy: plan.PredictedRestart, Prediction: Prediction{Kind: Tasks, At: at(60), Soonest: at(40)}, Now: at(71)}, Restart, "cannot wait any longer"},
		"reclaim, far":                       {Situation{Policy: plan.PredictedReclaim, Prediction: leak, Now: at(599)}, "", "there is time"},
		"reclaim, half way":                  {Situation{Policy: plan.PredictedReclaim, Prediction: leak, Now: at(601)}, Reclaim, "it leaks"},
		"reclaim, again too soon":            {Situation{Policy: plan.PredictedReclaim, Prediction: leak, Now: at(900), Reclaimed: at(601)}, "", "less than 10m0s ago"},
		"reclaim, again":                     {Situation{Policy: plan.PredictedReclaim, Prediction: leak, Now: at(1050), Reclaimed: at(400)}, Reclaim, ""},
		"reclaim does not close files":       {Situation{Policy: plan.PredictedReclaim, Prediction: of(Descriptors), Now: at(1099)}, "", "does not help against descriptors"},
		"no way at all is all of the way":    {Situation{Policy: plan.PredictedRestart, Prediction: Prediction{Kind: Memory}, Now: at(1)}, Restart, ""},
		"restart, whatever was reclaimed":    {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(1099), Reclaimed: at(1098)}, Restart, ""},
		"reclaim, whatever was restarted":    {Situation{Policy: plan.PredictedReclaim, Prediction: leak, Now: at(1099), Restarted: at(1098)}, Reclaim, ""},
		"a policy that this does not know":   {Situation{Policy: "pray", Prediction: leak, Now: at(1099)}, "", "is report"},
		"restart, before it was reckoned":    {Situation{Policy: plan.PredictedRestart, Prediction: leak, Now: at(50), Quiet: true}, "", "there is time"},
		"restart ends what a probe waits on": {Situation{Policy: plan.PredictedRestart, Prediction: of(Latency), Now: at(1060)}, Restart, ""},
	} {
		act, why := Decide(c.in)
		if act != c.act || !strings.Contains(why, c.why) || why == "" && c.in.Prediction.Basis != "" {
			t.Errorf("%s: %q since %q, want %q since %q", name, act, why, c.act, c.why)
		}
	}
}
