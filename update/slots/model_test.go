package slots

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// world is what a machine is made of, which no boot changes.
type world struct {
	kernel, root, healthy [2]bool // of A and B
	obeys                 bool    // what is to be booted once is
	follows               bool    // its own default is what was committed last, else it is A for ever
}

func (w world) works(s Slot) bool { return w.kernel[s-A] && w.root[s-A] && w.healthy[s-A] }

// disk is what lasts: both copies, and what the loader keeps.
type disk struct {
	copies [2][Size]byte
	entry  Slot // the loader's default
	once   Slot // what it boots next, once
}

func (d *disk) copyAt(at int64) (*[Size]byte, error) {
	for i := range Offsets {
		if Offsets[i] == at {
			return &d.copies[i], nil
		}
	}
	return nil, errors.New("not the place of a copy")
}

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	c, err := d.copyAt(at)
	if err != nil || len(b) != Size {
		return 0, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return copy(b, c[:]), nil
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	c, err := d.copyAt(at)
	if err != nil || len(b) != Size {
		return 0, errors.Join(err, io.ErrShortWrite)
	}
	return copy(c[:], b), nil
}

// powerCut is a cut of power at one write of a boot: before it, in its middle or after it.
type powerCut struct{ write, how int }

var errCut = errors.New("the power was cut")

// tearing writes half a sector, and nothing more, when its turn comes.
type tearing struct {
	*disk
	left int // writes until then
	how  int
}

func (t *tearing) WriteAt(b []byte, at int64) (int, error) {
	t.left--
	if t.left != 0 {
		return t.disk.WriteAt(b, at)
	}
	switch t.how {
	case 1:
		c, err := t.copyAt(at)
		if err != nil {
			return 0, err
		}
		copy(c[:256], b)
		c[300] ^= 0xff
	case 2:
		if _, err := t.disk.WriteAt(b, at); err != nil {
			return 0, err
		}
	}
	return 0, errCut
}

// end is how a boot has ended.
type end struct {
	up     Slot // healthy; else None
	rescue bool
	choice Choice
	before *Record
}

// boot is one boot of a machine, which may be cut.
func (w world) boot(d *disk, c powerCut) end {
	loaded := d.entry
	if !w.follows {
		loaded = A
	}
	if d.once != None && w.obeys {
		loaded = d.once
	}
	d.once = None
	if !w.kernel[loaded-A] {
		return end{}
	}
	t := &tearing{disk: d, left: c.write, how: c.how}
	r, _ := Read(t)
	e := end{before: r, choice: Choose(r, Boot{Loaded: loaded})}
	seq := func() uint64 {
		if now, _ := Read(d); now != nil {
			return now.Seq
		}
		return 0
	}
	if next := e.choice.Next; next != nil {
		if Write(t, next, seq()) != nil {
			return e
		}
		r = next
	}
	switch e.choice.Do {
	case Rescue:
		e.rescue = true
		return e
	case Switch:
		d.once = e.choice.Slot
		return e
	}
	s := e.choice.Slot
	switch {
	case r == nil:
		if w.works(s) {
			e.up = s
		}
	case !w.root[s-A]:
		_ = Write(t, r.Failed(s, "its root cannot be mounted"), seq())
	case !w.healthy[s-A]:
		_ = Write(t, r.Failed(s, "a unit that it has to start failed"), seq())
	default:
		if Write(t, r.MarkGood(s), seq()) == nil && t.left != 1 { // a cut may come between the record and the loader
			d.entry = s
		}
		e.up = s
	}
	return e
}

// key tells disks apart by what matters to boots to come.
func (d *disk) key() string {
	var all [2]*Record
	for i := range d.copies {
		if r, err := Decode(d.copies[i][:]); err == nil {
			all[i] = r
		}
	}
	newer := all[0] != nil && (all[1] == nil || all[0].Seq > all[1].Seq)
	out := fmt.Sprint(newer, d.entry, d.once)
	for _, r := range all {
		if r != nil {
			out += fmt.Sprint(";", r.Default, r.Armed, r.Asked, r.Failures)
			for _, s := range r.Sides {
				out += fmt.Sprint(",", s.State, s.Left)
			}
		}
	}
	return out
}

// TestModel looks at every disk that boots with at most one cut each can lead to, in every
// world, from every record that installation and use leave behind. There, a slot that was
// good and works is never given up; no bad slot is mounted where a good one could be; and
// boots without cuts come up within twelve boots wherever a slot works that the loader can
// reach.
func TestModel(t *testing.T) {
	good, trying := Side{State: Good}, Side{State: Trying, Left: 3}
	begins := map[string]*Record{
		"no record":        nil,
		"the first boot":   {Default: A, Sides: [2]Side{trying, {}}},
		"both good":        {Default: A, Sides: [2]Side{good, good}},
		"b is tried":       {Default: A, Sides: [2]Side{good, trying}},
		"b is written":     {Default: A, Sides: [2]Side{good, {State: Writing}}},
		"b is installed":   {Default: A, Sides: [2]Side{good, {State: Installed}}},
		"b is bad":         {Default: A, Sides: [2]Side{good, {State: Bad}}},
		"b is the default": {Default: B, Sides: [2]Side{good, good}},
	}
	for name, r := range begins {
		t.Run(name, func(t *testing.T) { t.Parallel(); model(t, name, r) })
	}
}

// model looks at all that follows from one record.
func model(t *testing.T, name string, r *Record) {
	disks, boots := 0, 0
	for bits := range 1 << 8 {
		bit := func(n int) bool { return bits>>n&1 == 1 }
		w := world{kernel: [2]bool{bit(0), bit(1)}, root: [2]bool{bit(2), bit(3)}, healthy: [2]bool{bit(4), bit(5)}, obeys: bit(6), follows: bit(7)}
		if !w.works(A) && !w.works(B) { // nothing can be kept
			continue
		}
		var first disk
		first.entry = A
		if r != nil {
			first.entry = r.Default
			if err := Write(&first, &[]Record{*r}[0], 0); err != nil {
				t.Fatal(err)
			}
		}
		seen := map[string]bool{first.key(): true}
		queue := []disk{first}
		for len(queue) > 0 {
			d := queue[0]
			queue = queue[1:]
			disks++
			for _, c := range []powerCut{{}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}} {
				next := d
				e := w.boot(&next, c)
				boots++
				w.holds(t, name, r, &next, e)
				if k := next.key(); !seen[k] {
					seen[k] = true
					queue = append(queue, next)
				}
			}
			w.comesUp(t, name, r, d)
		}
	}
	t.Logf("%d disks, %d boots", disks, boots)
}

// holds checks what a boot did.
func (w world) holds(t *testing.T, name string, begin *Record, d *disk, e end) {
	t.Helper()
	now, err := Read(d)
	if begin != nil && now == nil {
		t.Fatalf("%s, %+v: both copies are lost: %v", name, w, err)
	}
	for _, s := range []Slot{A, B} {
		if begin != nil && begin.Side(s).State == Good && w.works(s) && now.Side(s).State != Good {
			t.Fatalf("%s, %+v: slot %v was good, works, and is %v", name, w, s, now.Side(s).State)
		}
	}
	if c := e.choice; e.before != nil && c.Do != Rescue && !c.Worse && e.before.Side(c.Slot).State == Bad && e.before.Side(c.Slot.Other()).State == Good {
		t.Fatalf("%s, %+v: %s, which is bad", name, w, c.Reason)
	}
}

// comesUp boots without cuts.
func (w world) comesUp(t *testing.T, name string, begin *Record, d disk) {
	t.Helper()
	entry := d.entry
	if !w.follows {
		entry = A
	}
	if !w.kernel[entry-A] { // such a loader never gets as far as this
		return
	}
	can := w.works(entry) || w.obeys && w.works(entry.Other())
	if begin == nil {
		can = w.works(entry)
	} else if now, _ := Read(&d); !w.works(entry) && !now.Side(entry.Other()).bootable() {
		can = false
	}
	if !can {
		return
	}
	last := end{}
	const most = 12
	for range most {
		if last = w.boot(&d, powerCut{}); last.up != None {
			return
		}
	}
	now, _ := Read(&d)
	t.Fatalf("%s, %+v: it does not come up in %d boots; the latest: %+v; %+v", name, w, most, last, now)
}
