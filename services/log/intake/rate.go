package intake

import (
	"time"

	"clarityos/services/log"
)

// Rate is how much a unit may say: Burst messages in each Interval. Either of
// them 0 stands for any amount.
type Rate struct {
	Interval time.Duration
	Burst    int
}

// DefaultRate is journald's (journald.conf(5), RateLimitBurst=).
var DefaultRate = Rate{30 * time.Second, 10_000}

// window is what a unit said in the present interval. The zero value is one
// that is over.
type window struct {
	began  uint64 // µs since the kernel started
	passed int
}

// over reports whether the interval has ended.
func (w window) over(now uint64, r Rate) bool {
	return w == window{} || now < w.began || now-w.began >= uint64(r.Interval.Microseconds())
}

// admit decides on one message at a time, and returns the window behind it.
func (w window) admit(now uint64, r Rate) (window, bool) {
	if r.Interval <= 0 || r.Burst <= 0 {
		return window{}, true
	}
	if w.over(now, r) {
		w = window{began: now}
	}
	if w.passed >= r.Burst {
		return w, false
	}
	w.passed++
	return w, true
}

// pool groups priorities, each of which has a burst of its own, so that a flood
// of debugging does not hide an error. The groups are journald's
// (journald-rate-limit.c, priority_map).
func pool(priority int) int {
	switch {
	case priority <= log.Critical:
		return 0
	case priority == log.Error:
		return 1
	case priority == log.Warning:
		return 2
	case priority <= log.Info:
		return 3
	}
	return 4
}
