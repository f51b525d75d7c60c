package supervisor

import "time"

// What is deferred begins when the machine is quiet, or goalMost after the boot's begin.
const (
	quietEvery = 100 * time.Millisecond // how far apart two looks at it are
	quietShare = 10                     // it is quiet when in less than one part of so many of that time a task waited for a CPU
)

// bustle is how much tasks wait for CPUs, as far as that was looked at.
type bustle struct {
	asked bool          // an answer is due
	next  time.Duration // when to look again, at the soonest
	at    time.Duration // of the last answer; 0: there was none
	total time.Duration // of its Stalled
	quiet bool
}

// wantsQuiet says whether a start of the boot waits for a quiet machine alone.
func (s *Supervisor) wantsQuiet() bool {
	if s.goal == nil || !s.booting || s.bustle.quiet {
		return false
	}
	for _, u := range s.units {
		if s.deferred(u) && !u.job.running && len(s.goalOpen(u)) == 0 {
			return true
		}
	}
	return false
}

// lookForQuiet looks whether the machine is quiet where somebody waits for that.
func (s *Supervisor) lookForQuiet() {
	if b := &s.bustle; !b.asked && s.now >= b.next && s.wantsQuiet() {
		b.asked = true
		s.do(AskStalled{})
	}
}

// stalled takes the answer to AskStalled.
func (s *Supervisor) stalled(e Stalled) {
	b := &s.bustle
	if e.Unknown || b.at > 0 && s.now > b.at && e.Total-b.total < (s.now-b.at)/quietShare {
		b.quiet = true
	}
	b.asked, b.at, b.total, b.next = false, s.now, e.Total, s.now+quietEvery
}
