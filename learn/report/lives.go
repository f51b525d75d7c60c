package report

import (
	"cmp"
	"slices"
	"time"

	"clarityos/services/control"
)

// Lives gives every unit that was asked for or failed in the boot, in the order in which
// they began, and the end of the time that is shown: a little after the boot or, while it
// goes on, now. Units that were started later, or again, are named.
func Lives(r control.StatusReply) (lives []Unit, later []string, end time.Duration) {
	end = r.Now
	if r.Summary.BootTime > 0 {
		end = min(r.Now, r.Summary.BootTime+r.Summary.BootTime/20)
	}
	for _, u := range r.Units {
		failed := u.Active == "failed"
		if u.Queued == 0 && u.Begun == 0 && !failed {
			continue
		}
		l := Unit{Name: u.Name, Description: u.Description, Active: u.Active, Queued: cmp.Or(u.Queued, u.Begun), Begun: u.Begun, Ready: u.Up, Ended: end,
			CPU: r.Started[u.Name], Failed: failed, Cause: u.Cause, Restarts: u.Restarts}
		if u.Restarts > 0 { // Queued is of its first start, the others of its latest
			l.Queued = max(l.Queued, u.Begun)
		}
		rests := failed || u.Active == "inactive"
		if rests {
			l.Ended = u.Since
		}
		switch {
		case u.Queued > u.Begun && !rests && len(u.WaitsFor) > 0: // it waits for its turn
			l.Begun, l.Ready = end, 0
			for _, says := range u.WaitsFor {
				l.Waited = append(l.Waited, Wait{Says: says})
			}
		case u.Begun == 0 && rests: // it never began
			l.Begun = l.Ended
		case u.Queued > u.Begun: // it was asked for when it had begun
			l.Begun = l.Queued
		}
		l.Starting = l.Ready == 0 && !rests
		if l.Queued > end { // it would leave no room for the boot
			later = append(later, u.Name)
			continue
		}
		l.Begun, l.Ready, l.Ended = min(l.Begun, end), min(l.Ready, end), min(l.Ended, end)
		lives = append(lives, l)
	}
	slices.SortStableFunc(lives, func(a, b Unit) int { return cmp.Compare(a.Begun, b.Begun) })
	return lives, later, max(end, time.Millisecond)
}
