package predict

import (
	"fmt"
	"time"

	"clarityos/services/plan"
)

const (
	// near is the share of the way to the soonest failure from which on a restart waits
	// for a quiet moment, latest the one from which on it waits for nothing.
	near, latest = .85, .95
	// hurry is how long before the soonest failure it waits for nothing, so that three
	// samples are left to see it.
	hurry = 3 * finest
	// reclaimFrom is the share from which on memory is taken back.
	reclaimFrom = .5
	// restartEvery and reclaimEvery are how long there is at least between two of a unit.
	restartEvery, reclaimEvery = time.Hour, 10 * time.Minute
)

// Act is what is done against a failure; "" is nothing.
type Act string

// The acts.
const (
	Reclaim Act = "reclaim"
	Restart Act = "restart"
)

// Situation is what an act follows from. Times are CLOCK_BOOTTIME.
type Situation struct {
	Policy     plan.PredictedFailure
	Prediction Prediction
	Now        time.Duration
	Reclaimed  time.Duration // of this unit, when that was last; 0: never
	Restarted  time.Duration // … for a prediction
	Quiet      bool          // little waits for processors and disks
}

// Decide says what is to be done now, and why, or why not yet. A restart comes before
// the soonest time of the failure, at a quiet moment where there is one.
func Decide(s Situation) (act Act, why string) {
	p, gone := s.Prediction, s.Prediction.Gone(s.Now)
	hurries := gone >= latest || p.At+p.Soonest-s.Now <= hurry
	waits := func(last, every time.Duration) bool { return last != 0 && s.Now-last < every }
	switch s.Policy {
	case plan.PredictedReclaim:
		switch {
		case p.Kind != Memory:
			return "", fmt.Sprintf("to reclaim memory does not help against %s", p.words())
		case gone < reclaimFrom:
			return "", "there is time"
		case waits(s.Reclaimed, reclaimEvery):
			return "", fmt.Sprintf("its memory was reclaimed less than %s ago", Span(reclaimEvery))
		}
		return Reclaim, p.Basis
	case plan.PredictedRestart:
		switch {
		case p.Kind != Memory && p.Kind != Descriptors && p.Kind != Tasks && p.Kind != Latency:
			return "", fmt.Sprintf("a restart does not help against %s", p.words())
		case gone < near && !hurries:
			return "", "there is time"
		case waits(s.Restarted, restartEvery):
			return "", fmt.Sprintf("it was restarted for this less than %s ago", Span(restartEvery))
		case hurries:
			return Restart, p.Basis + "; it cannot wait any longer"
		case !s.Quiet:
			return "", "the machine is busy"
		}
		return Restart, p.Basis + "; the machine is quiet"
	}
	return "", "its PredictedFailure= is report"
}
