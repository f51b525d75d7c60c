package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/bus"
)

func TestPredictions(t *testing.T) {
	var kept []bus.Message
	for _, b := range []bus.Body{
		&bus.PredictionFailure{Prediction: "b.service tasks", Unit: "b.service", Kind: "tasks", Probability: .99, At: 100 * time.Second, Within: 2 * time.Hour, Soonest: time.Hour, Latest: 26 * time.Hour, Cause: "more and more", Policy: "report"},
		&bus.PredictionFailure{Prediction: "a.service memory", Unit: "a.service", Kind: "memory", Probability: .974, At: 90 * time.Second, Since: 30 * time.Second, Within: 50 * time.Second, Soonest: 5 * time.Second, Latest: 70 * time.Second, Cause: "it leaks", Policy: "restart"},
		&bus.PredictionAct{Unit: "a.service", Kind: "memory", Act: "restart", At: 70 * time.Second, Reason: "it leaked", Outcome: "done"},
	} {
		m, err := bus.New(b)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, m)
	}
	p, err := predictionsOf(kept, 100*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	const want = `a.service: memory
  fails in   40s, between 0s and 1m0s (95 %), if it goes on as it does, of which it is 97 % sure
  based on   it leaks
  reckoned   10s ago; it went this way for 1m0s then
  policy     restart
b.service: tasks
  fails in   2h0m, between 1h0m and 1d2h (95 %), if it goes on as it does, of which it is 99 % sure
  based on   more and more
  reckoned   0s ago; it went this way for 1m40s then
  policy     report

Done against failures:
  30s ago: restart of a.service, since it leaked: done
`
	if d := cmp.Diff(want, p.text()); d != "" {
		t.Error(d)
	}
	if got := (Predictions{}).text(); got != "No failure is predicted.\n" {
		t.Errorf("of nothing: %q", got)
	}
}
