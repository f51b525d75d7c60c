// Package evolution looks now and then which newer versions there are, and has the updater
// do with them what the image's policy says. It writes nothing itself but when it has looked.
//
//	decide.go    when it looks, and what it orders
//	agent.go     the loop
//	registry.go  what runs and lies in the slots, and where that came from
package evolution

import (
	"fmt"
	"time"

	"clarityos/update/installed"
	"clarityos/update/order"
)

// Who is who orders what the agent orders.
const Who = "evolution agent"

// State is what the agent keeps.
type State struct {
	Looked   time.Time `json:"looked"`             // the latest time, by the clock
	Failures int       `json:"failures,omitempty"` // since it went well
	Error    string    `json:"error,omitempty"`    // of the latest one
}

// String says how the latest look went; "": there was none.
func (s State) String() string {
	at := s.Looked.Local().Format(time.DateTime)
	switch {
	case s.Looked.IsZero():
		return ""
	case s.Failures == 0:
		return "the evolution agent has looked for newer versions at " + at
	case s.Failures == 1:
		return fmt.Sprintf("the evolution agent has looked for newer versions at %s, and failed: %s", at, s.Error)
	}
	return fmt.Sprintf("the evolution agent has failed %d times to look for newer versions, the latest time at %s: %s", s.Failures, at, s.Error)
}

const (
	// retryFirst is the wait after a first failure, which doubles up to what is usual.
	retryFirst = 5 * time.Minute
	// jitter is how much earlier or later than said it looks, so that not all machines that
	// were switched on together come together.
	jitter = 0.1
	// atLeast is between two looks, whatever the clock says.
	atLeast = 30 * time.Second
)

// Next gives how long to wait until it looks again. Random is in [0, 1), once for each look. A
// machine that has never looked does so within a tenth of the usual time since the agent began.
func Next(s State, every time.Duration, began, now time.Time, random float64) time.Duration {
	if s.Looked.IsZero() {
		return max(atLeast, time.Duration(jitter*random*float64(every))-now.Sub(began))
	}
	wait := every
	if s.Failures > 0 {
		wait = min(every, retryFirst<<min(s.Failures-1, 16))
	}
	wait = time.Duration(float64(wait) * (1 - jitter + 2*jitter*random))
	since := now.Sub(s.Looked)
	if since < 0 { // the clock went back
		since = 0
	}
	return max(atLeast, wait-since)
}

// Decide gives what is ordered once it is known what there is; nil: nothing. A version that
// was left here is not tried again, nor is one fetched twice that lies in the other slot.
func Decide(mode installed.Mode, there order.Status, refused map[string]string, other string) *order.Order {
	for _, version := range there.Others {
		if _, left := refused[version]; left {
			continue
		}
		o := &order.Order{Kind: order.Install, Who: Who, From: there.Order.From, Version: version}
		switch mode {
		case installed.Download:
			if version == other {
				return nil
			}
			o.Download = true
		case installed.Restart:
			o.Restart = order.Policy
		case installed.Install:
		default:
			return nil
		}
		return o
	}
	return nil
}
