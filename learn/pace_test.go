package learn

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1, 0)
	for i := range 3 * paceFew { // seldom
		now = now.Add(paceWindow / paceFew)
		if got := p.take(now); got != 0 {
			t.Fatalf("sight %d: %v", i, got)
		}
	}
	now = now.Add(paceWindow)
	for i := range 3 * paceFew { // at once
		if got, want := p.take(now), pacePause; (got == want) != (i >= paceFew) {
			t.Fatalf("sight %d: %v", i, got)
		}
	}
	if got := p.take(now.Add(paceWindow)); got != 0 {
		t.Errorf("in the next window: %v", got)
	}
}
