package learn

import "time"

// While there are many sights they are taken in batches, since to wake up for each costs
// more than to take it.
const (
	paceWindow = 100 * time.Millisecond
	paceFew    = 50 // sights in a window
	pacePause  = 10 * time.Millisecond
)

// pace counts sights.
type pace struct {
	since time.Time // the begin of the window
	seen  int       // in it
}

// take counts a sight at now, and says how long to let others come, once all that there
// are were taken.
func (p *pace) take(now time.Time) time.Duration {
	if now.Sub(p.since) >= paceWindow {
		p.since, p.seen = now, 0
	}
	if p.seen++; p.seen <= paceFew {
		return 0
	}
	return pacePause
}
