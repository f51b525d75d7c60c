package slots

import "fmt"

// Failed gives the record after positive evidence that a slot cannot be used in this boot:
// its root or its verity tree, or what it has to start. A slot is given up for a good one
// only.
func (r *Record) Failed(s Slot, why string) *Record {
	next := *r
	next.Failures = min(next.Failures, FailuresMost-1) + 1
	next.Armed, next.Asked = None, 0 // the loader may be asked again
	next.Reason = cut(fmt.Sprintf("slot %v: %s", s, why), MaxReason)
	next.fail(s, why)
	return &next
}

// fail makes a slot bad if the other one is good. Else it is all that there is, or the
// other one, of which nothing better is known, gets one more try.
func (r *Record) fail(s Slot, why string) {
	side, other := r.Side(s), r.Side(s.Other())
	side.Why = cut(why, MaxReason)
	switch {
	case other.State == Good:
		side.State, side.Left, r.Default = Bad, 0, s.Other()
		r.Reason = cut(fmt.Sprintf("slot %v: %s", s, why), MaxReason)
		return
	case side.State == Trying:
		side.State, side.Left = Installed, 0
	}
	if other.State == Bad || other.State == Installed {
		other.State, other.Left = Trying, 1
	}
}

// MarkGood gives the record after a boot of a slot that was good for long enough: it is the
// default. It changes nothing when it is done twice.
func (r *Record) MarkGood(s Slot) *Record {
	next := *r
	side := next.Side(s)
	side.State, side.Left, side.Why = Good, 0, ""
	next.Default, next.Armed, next.Asked, next.Failures = s, None, 0, 0
	return &next
}

// MarkBad gives the record after a person has given a slot up. There must be a good one
// besides.
func (r *Record) MarkBad(s Slot, why string) (*Record, error) {
	if r.Side(s.Other()).State != Good {
		return nil, fmt.Errorf("slot %v cannot be given up: slot %v is %v, and not good", s, s.Other(), r.Side(s.Other()).State)
	}
	next := *r
	next.fail(s, why)
	return &next, nil
}

// BeginWrite gives the record for the time in which another system is written into a slot.
// The other slot must be good, and be the one that runs.
func (r *Record) BeginWrite(s, running Slot) (*Record, error) {
	if other := r.Side(s.Other()); running != s.Other() || other.State != Good {
		return nil, fmt.Errorf("nothing can be written into slot %v: slot %v runs, and slot %v is %v; it takes a good slot that runs", s, running, s.Other(), other.State)
	}
	next := *r
	next.Default = s.Other()
	*next.Side(s) = Side{State: Writing}
	return &next, nil
}

// Wrote gives the record once a slot has its system, whole and checked: side says which.
func (r *Record) Wrote(s Slot, side Side) *Record {
	next := *r
	side.State, side.Left, side.Done, side.Why = Installed, 0, 0, ""
	*next.Side(s) = side
	return &next
}

// Try gives the record with which the next boots try a slot, so many times at most.
func (r *Record) Try(s Slot, tries uint8) (*Record, error) {
	side := r.Side(s)
	if !side.bootable() || tries == 0 {
		return nil, fmt.Errorf("slot %v cannot be tried %d times: it is %v", s, tries, side.State)
	}
	next := *r
	side = next.Side(s)
	side.State, side.Left, side.Done, side.Why = Trying, tries, 0, ""
	next.Armed, next.Asked, next.Failures = None, 0, 0
	return &next, nil
}

// Untry gives the record after a person has taken back that a slot be tried. It keeps its
// system. The other slot must be good.
func (r *Record) Untry(s Slot) (*Record, error) {
	side := r.Side(s)
	if side.State != Trying || r.Side(s.Other()).State != Good {
		return nil, fmt.Errorf("slot %v is %v and slot %v %v; there is nothing to take back", s, side.State, s.Other(), r.Side(s.Other()).State)
	}
	next := *r
	side = next.Side(s)
	side.State, side.Left = Installed, 0
	next.Armed, next.Asked = None, 0
	return &next, nil
}
