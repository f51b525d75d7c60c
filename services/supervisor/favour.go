package supervisor

import (
	"slices"
	"time"
)

// favouredMost bounds how long a unit goes before others.
const favouredMost = 30 * time.Second

// critical says whether the boot is late when u is, which starts.
func (s *Supervisor) critical(u *unit) bool {
	return s.booting && u.ordinary() && u.job != nil && u.job.starts() && slices.Contains(s.order.Critical, u.Name)
}

// unfavour has a unit be like others: it is ready, has ended, or had its time.
func (s *Supervisor) unfavour(u *unit) {
	if u.favoured > 0 {
		s.do(Unfavour{u.Unit})
	}
	u.favoured = 0
}
