// Package restart decides when a machine restarts by itself, and keeps what restarts there
// were. A person who restarts it is asked nothing but whether work that is not to be
// interrupted may be.
//
//	policy.go   whether it may restart now
//	inhibit.go  work that is not to be interrupted
//	history.go  the restarts that there were
package restart

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy is what bounds restarts that no person asks for. Zeros bound nothing.
type Policy struct {
	MinimumUptime time.Duration `json:"minimum_uptime,omitempty"` // of this boot
	CoolDown      time.Duration `json:"cool_down,omitempty"`      // since the latest of them
	PerDay        int           `json:"per_day,omitempty"`        // most of them in 24 hours
}

// Now is what the decision is made on.
type Now struct {
	Time       time.Time
	Uptime     time.Duration
	Past       []Entry     // in any order
	Inhibitors []Inhibitor // that are held
}

// Wait is why there is no restart yet.
type Wait struct {
	Why   string
	Until time.Time // zero: nobody knows
}

func (w *Wait) Error() string {
	if w.Until.IsZero() {
		return w.Why
	}
	return fmt.Sprintf("%s, until %s", w.Why, w.Until.Format(time.DateTime))
}

// Allow says whether the machine may restart now; else the error is a *Wait, with the reason
// that lasts longest. Held bounds people too; the rest does not.
func (p Policy) Allow(n Now) error {
	if err := Held(n.Inhibitors); err != nil {
		return err
	}
	var longest *Wait
	wait := func(until time.Time, format string, args ...any) {
		if until.After(n.Time) && (longest == nil || until.After(longest.Until)) {
			longest = &Wait{fmt.Sprintf(format, args...), until}
		}
	}
	wait(n.Time.Add(p.MinimumUptime-n.Uptime), "the machine has to be up for %v before it restarts by itself", p.MinimumUptime)
	var day []time.Time
	for _, e := range n.Past {
		if !e.Policy || e.Asked.After(n.Time) { // a clock that was wrong bounds nothing
			continue
		}
		wait(e.Asked.Add(p.CoolDown), "it has restarted by itself at %s, and does so once in %v", e.Asked.Format(time.DateTime), p.CoolDown)
		if n.Time.Sub(e.Asked) < 24*time.Hour {
			day = append(day, e.Asked)
		}
	}
	if p.PerDay > 0 && len(day) >= p.PerDay {
		slices.SortFunc(day, time.Time.Compare)
		wait(day[len(day)-p.PerDay].Add(24*time.Hour), "it has restarted by itself %d times in 24 hours, and does so %d times at most", len(day), p.PerDay)
	}
	if longest != nil {
		return longest
	}
	return nil
}

// Held is a *Wait when work goes on that is not to be interrupted.
func Held(all []Inhibitor) error {
	if len(all) == 0 {
		return nil
	}
	var who []string
	for _, i := range all {
		who = append(who, i.String())
	}
	return &Wait{Why: "not to be interrupted: " + strings.Join(who, "; ")}
}
