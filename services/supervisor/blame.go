package supervisor

import (
	"fmt"
	"time"
)

// Bounds of what one unit's end explains of another's.
const (
	follows  = 5 * time.Second  // a failure so soon after it may follow from it
	recovers = 10 * time.Second // a unit waits so long, from its failure, for the other one to be up again
)

// blame looks for a unit that explains why u has failed: one that u leans on and that is
// not up although it is to be, or went down just before. The run then does not count for
// u's start limit, but for each run of the other one only once: what fails by itself
// fails more often.
func (s *Supervisor) blame(u *unit) bool {
	for _, d := range u.leans {
		if !d.recovering() && (d.fell == 0 || s.now-d.fell > follows) {
			continue
		}
		fresh := d.invocation > u.charged
		if !fresh && !d.recovering() {
			continue
		}
		if n := len(u.starts); fresh && n > 0 {
			u.starts = u.starts[:n-1]
		}
		u.blamed, u.charged = d, max(u.charged, d.invocation)
		return true
	}
	return false
}

// recovering says whether a unit that is not up, or cannot be used yet, is to be.
func (d *unit) recovering() bool { return d.awaited() || d.phase.stopping() && !d.stopWanted }

// usable says whether a unit is up and has what others need of it.
func (d *unit) usable() bool { return d.phase.up() && d.look.until == 0 }

// excuse says of a unit in Backoff whom its failure is charged to, and what follows.
func (s *Supervisor) excuse(u *unit) string {
	d := u.blamed
	if d.usable() {
		return fmt.Sprintf("this is charged to %s, which it leans on and which went down %v before; it starts again at once", d.Name, (u.since - d.fell).Round(time.Millisecond))
	}
	return fmt.Sprintf("this is charged to %s, which it leans on and which is %s; it starts again once that can be used, or %v after its failure", d.Name, d.phase.Active(), recovers)
}
