package slots

import "fmt"

const (
	// FailuresMost is after how many failures in a row a machine is Tired.
	FailuresMost = 6
	// askedMost is how often in a row a loader is asked for a slot that it does not boot: a
	// cut of power may come between the record and the loader.
	askedMost = 3
)

// Boot is what stage 1 knows before it has mounted anything.
type Boot struct {
	ID     [16]byte
	Loaded Slot // whose kernel runs, which is all that this boot can mount; None: either
	Forced Slot // a person's word on the command line; None: there is none
}

// Do is what stage 1 does next.
type Do uint8

// What stage 1 does.
const (
	Mount  Do = iota // the slot that was chosen
	Switch           // have the chosen slot's own kernel started, once
	Rescue           // nothing: there is no system
)

// Choice is what a boot is to do.
type Choice struct {
	Do     Do
	Slot   Slot
	Reason string  // in words
	Next   *Record // to be on the disk before it is done; nil: the record stays as it is
	Worse  bool    // it is not the slot that the record wants
	Tired  bool    // so much has failed that a person is to be asked first or, where there is none, time to pass
}

// Choose says which slot a boot uses. Without a record it is the one whose kernel runs, and
// nothing is tried. What it chooses is always the slot of the kernel that runs, or Switch.
func Choose(r *Record, b Boot) Choice {
	if b.Forced != None {
		c := Choice{Slot: b.Forced, Reason: fmt.Sprintf("slot %v is forced by the command line", b.Forced)}
		if b.Loaded != None && b.Loaded != b.Forced {
			c.Slot, c.Worse, c.Reason = b.Loaded, true, fmt.Sprintf("slot %v is forced by the command line, and the kernel is that of slot %v", b.Forced, b.Loaded)
		}
		return c
	}
	if r == nil {
		if b.Loaded == None {
			return Choice{Do: Rescue, Reason: "there is no record of slots, and the loader does not say which one it has booted"}
		}
		return Choice{Slot: b.Loaded, Worse: true, Reason: fmt.Sprintf("there is no record of slots; slot %v is what the loader has booted", b.Loaded)}
	}
	next := *r
	next.Boot = b.ID
	c := next.choose(b)
	if c.Tired = next.Failures >= FailuresMost; c.Tired {
		c.Reason = fmt.Sprintf("%d boots in a row have failed, the latest: %s; %s", next.Failures, next.Reason, c.Reason)
	}
	if !next.like(r) {
		c.Next = &next
	}
	return c
}

// choose changes the record to what it has to be before the choice is carried out.
func (r *Record) choose(b Boot) Choice {
	want := r.spend(b.Loaded)
	switch {
	case want == None:
		return Choice{Do: Rescue, Reason: "no slot has a system in it"}
	case b.Loaded == None || b.Loaded == want:
		r.Armed, r.Asked = None, 0
		return Choice{Slot: want, Reason: r.count(want)}
	case r.Armed != want || r.Asked < askedMost:
		if r.Armed != want {
			r.Armed, r.Asked = want, 0
		}
		r.Asked++
		return Choice{Do: Switch, Slot: want, Reason: fmt.Sprintf("slot %v is wanted, and the kernel is that of slot %v", want, b.Loaded)}
	case !r.Side(b.Loaded).bootable():
		return Choice{Do: Rescue, Reason: fmt.Sprintf("slot %v is wanted, and the loader boots slot %v all the same, which has no whole system in it", want, b.Loaded)}
	}
	return Choice{Slot: b.Loaded, Worse: true, Reason: fmt.Sprintf("slot %v is wanted, and the loader boots slot %v all the same", want, b.Loaded)}
}

// spend gives the slot that is wanted. A slot that was tried, and whose kernel the loader was
// asked for in vain, has used a try up; one without tries left is bad.
func (r *Record) spend(loaded Slot) (want Slot) {
	for _, s := range []Slot{A, B} {
		side := r.Side(s)
		if side.State != Trying {
			continue
		}
		if loaded == s.Other() && r.Armed == s {
			side.Left, side.Done, r.Armed, r.Asked = max(side.Left, 1)-1, side.Done+1, None, 0
			r.Reason = fmt.Sprintf("the kernel of slot %v did not come as far as this", s)
		}
		if side.Left == 0 {
			r.fail(s, fmt.Sprintf("none of its %d boots was good", side.Done))
		}
	}
	return r.want()
}

// want is the slot that is to be booted: one that is tried, the default, whatever is good,
// and last whatever has a system in it.
func (r *Record) want() Slot {
	first, second := r.Default, r.Default.Other()
	if first == None {
		first, second = A, B
	}
	for _, fits := range []func(*Side) bool{
		func(s *Side) bool { return s.State == Trying && s.Left > 0 },
		func(s *Side) bool { return s.State == Good },
		func(s *Side) bool { return s.State == Installed },
		(*Side).bootable,
	} {
		for _, s := range []Slot{first, second} {
			if fits(r.Side(s)) {
				return s
			}
		}
	}
	return None
}

// bootable says whether there is a whole system, good or not.
func (s *Side) bootable() bool { return s.State != Empty && s.State != Writing }

// count takes one try of a slot that is about to be mounted, and says so.
func (r *Record) count(s Slot) string {
	side := r.Side(s)
	if side.State != Trying {
		return fmt.Sprintf("slot %v is %v", s, side.State)
	}
	side.Left, side.Done = side.Left-1, side.Done+1
	return fmt.Sprintf("slot %v is tried, %d more times after this one", s, side.Left)
}

// like says whether two records differ in nothing but who wrote them.
func (r *Record) like(other *Record) bool {
	same := *r
	same.Boot = other.Boot
	return same == *other
}
