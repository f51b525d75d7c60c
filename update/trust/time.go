package trust

import "time"

// Time is the reference time by which metadata expires: the latest of times that are
// known to have passed, as the clock's, that at which the image was built, and that at
// which trusted metadata was signed. A clock that was reset so brings nothing expired to
// life.
//
// A clock that is ahead is believed: it makes the machine refuse, and nothing of it is
// kept, so that the machine recovers together with its clock.
func Time(clock time.Time, passed ...time.Time) time.Time {
	latest := clock
	for _, t := range passed {
		if t.After(latest) {
			latest = t
		}
	}
	return latest.UTC()
}
