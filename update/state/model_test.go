package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"clarityos/update/backup/index"
	"clarityos/update/slots"
)

// content is what lies at the path: its form, and what users have brought in, in its order.
type content struct {
	schema uint32
	torn   bool // a migration is under way
	users  string
}

// model is a machine whose slot A has a release with schema 1, and B one with schema 2. A step
// that changes its disk is done or not: a cut of power comes before one of them.
type model struct {
	slots.Record
	running slots.Slot
	has     content
	marker  *Marker
	order   string
	backups []index.Info
	kept    map[string]content

	cut, full int // before which change the power is cut, and at which the disk is full; 0: never
	changes   int
	restarts  bool
	said      []string
}

var (
	errCut  = errors.New("the power was cut")
	errFull = errors.New("no space left on device")
)

// change is one that a cut can come before.
func (m *model) change(takesRoom bool, do func()) error {
	m.changes++
	switch {
	case m.cut > 0 && m.changes >= m.cut:
		panic(errCut)
	case m.full > 0 && m.changes >= m.full && takesRoom:
		return errFull
	}
	do()
	return nil
}

func (m *model) Look() (Now, error) {
	side, other := m.Side(m.running), m.Side(m.running.Other())
	n := Now{Version: "1", Schema: 1, Migrates: []index.Path{"/var/lib/app"}, Marker: m.marker, Order: m.order, Backups: m.backups}
	if m.running == slots.B {
		n.Version, n.Schema = "2", 2
	}
	n.Trial, n.Back, n.Left = side.State == slots.Trying, other.State == slots.Good, other.State != slots.Good
	return n, nil
}

func (m *model) BackUp(cause index.Cause, version string, schema uint32, paths []index.Path) (id string, err error) {
	err = m.change(true, func() {
		id = fmt.Sprint(len(m.backups))
		m.backups = append(slices.Clone(m.backups), index.Info{Header: index.Header{ID: id, Cause: cause, Version: version, Schema: schema, Paths: paths}})
		m.kept[id] = m.has
	})
	return id, err
}

func (m *model) Restore(id string) error {
	return m.change(true, func() { m.has = m.kept[id] })
}

func (m *model) Mark(k Marker) error {
	return m.change(false, func() { m.marker = &k })
}

func (m *model) Drop() error { return m.change(false, func() { m.order = "" }) }

func (m *model) Leave(why string) error {
	return m.change(false, func() { m.Record, m.restarts = *m.Failed(m.running, why), true })
}

func (m *model) Say(line string) { m.said = append(m.said, line) }

// schema is what the release that runs writes.
func (m *model) schema() uint32 { return uint32(m.running-slots.A) + 1 }

// boot is one boot, whose services migrate and then write what users bring. It says whether
// they began, and what is wrong with what they found.
func (m *model) boot(users string, healthy bool) (began bool, wrong error) {
	defer func() {
		if r := recover(); r != nil && r != any(errCut) {
			panic(r)
		}
	}()
	m.changes, m.restarts = 0, false
	c := slots.Choose(&m.Record, slots.Boot{})
	if c.Next != nil {
		m.Record = *c.Next
	}
	m.running = c.Slot
	err := Run(m)
	if errors.Is(err, ErrLeft) != m.restarts {
		return false, fmt.Errorf("it is said to restart, and is not, or the other way round: %v", err)
	}
	if m.restarts {
		return false, nil
	}
	if m.has.schema > m.schema() || m.has.torn && m.schema() < 2 {
		return true, fmt.Errorf("services of schema %d begin with %+v: %v", m.schema(), m.has, err)
	}
	if m.marker == nil || m.marker.Schema != m.schema() {
		return true, fmt.Errorf("services of schema %d begin with the marker %+v: %v", m.schema(), m.marker, err)
	}
	began = true
	if m.has.schema < m.schema() || m.has.torn {
		_ = m.change(false, func() { m.has.torn = true })
		_ = m.change(false, func() { m.has.schema, m.has.torn = m.schema(), false })
	}
	_ = m.change(false, func() { m.has.users += users })
	_ = m.change(false, func() {
		if healthy {
			m.Record = *m.MarkGood(m.running)
		} else if m.Side(m.running).State != slots.Good {
			m.Record = *m.Failed(m.running, "a unit has failed")
		}
	})
	return began, nil
}

// Whatever boots are cut, wherever, and whenever the disk is full: what version 1 has written
// is there for it when it runs again, services never find what they cannot read, and a trial
// that never becomes good ends with version 1.
func TestModel(t *testing.T) {
	const cuts = 9 // more than a boot has changes
	runs := 0
	for _, marked := range []bool{true, false} {
		for full := range cuts {
			for first := range cuts {
				for second := range cuts {
					for third := range cuts {
						m := &model{has: content{schema: 1, users: "a"}, kept: map[string]content{}}
						m.Default = slots.A
						m.Sides = [2]slots.Side{{State: slots.Good}, {State: slots.Trying, Left: 3}}
						if marked {
							m.marker = &Marker{Schema: 1, Version: "1"}
						}
						for n, cut := range []int{first, second, third, 0, 0, 0} {
							m.cut, m.full = cut, full
							if n > 2 {
								m.full = 0
							}
							began, wrong := m.boot("b", false)
							if wrong == nil && began && m.running == slots.A && !strings.HasPrefix(m.has.users, "a") {
								wrong = errors.New("what version 1 has written is gone")
							}
							// What version 1 can read is there, or kept where the marker says.
							if safe := m.has.schema == 1 && !m.has.torn; wrong == nil && !safe {
								if k := m.kept[m.marker.Backup]; k.schema != 1 || k.torn || !strings.HasPrefix(k.users, "a") {
									wrong = fmt.Errorf("what version 1 can read is lost: %+v, %+v", m.marker, m.kept)
								}
							}
							if wrong != nil {
								t.Fatalf("marked %v, full at %d, cuts %d %d %d, boot %d: %v\n%s", marked, full, first, second, third, n, wrong, strings.Join(m.said, "\n"))
							}
						}
						if m.running != slots.A || m.has.schema != 1 || m.Side(slots.B).State != slots.Bad {
							t.Fatalf("marked %v, full at %d, cuts %d %d %d: it ends with %+v\n%s", marked, full, first, second, third, m, strings.Join(m.said, "\n"))
						}
						runs++
					}
				}
			}
		}
	}
	t.Logf("%d sequences of six boots", runs)
}

// A version that was good for a while and is rolled back from leaves what it has written as a
// backup, wherever the boot is cut; where that cannot be, it goes on.
func TestRollback(t *testing.T) {
	for cut := range 9 {
		for _, full := range []int{0, 1, 2} {
			m := &model{has: content{schema: 1, users: "a"}, kept: map[string]content{}, marker: &Marker{Schema: 1, Version: "1"}}
			m.Default = slots.A
			m.Sides = [2]slots.Side{{State: slots.Good}, {State: slots.Trying, Left: 3}}
			if began, err := m.boot("b", true); err != nil || !began || m.has != (content{2, false, "ab"}) || m.Side(slots.B).State != slots.Good {
				t.Fatalf("%+v, %v", m, err)
			}
			next, err := m.Try(slots.A, 3)
			if err != nil {
				t.Fatal(err)
			}
			m.Record = *next
			m.cut, m.full = cut, full
			if _, err := m.boot("c", true); err != nil {
				t.Fatalf("cut %d: %v", cut, err)
			}
			m.cut = 0
			if _, err := m.boot("c", true); err != nil {
				t.Fatalf("cut %d: %v", cut, err)
			}
			kept := m.has.schema == 2 && strings.HasPrefix(m.has.users, "ab")
			for _, k := range m.kept {
				kept = kept || k.schema == 2 && strings.HasPrefix(k.users, "ab")
			}
			if want := slots.A; !kept || full == 0 && (m.running != want || m.has.schema != 1) || full > 0 && cut == 0 && m.running != slots.B {
				t.Errorf("cut %d, full %d: %+v\n%s", cut, full, m, strings.Join(m.said, "\n"))
			}
		}
	}
}

// A person's order is carried out once, or not at all with an error; what was there is kept.
func TestOrdered(t *testing.T) {
	for cut := range 9 {
		for _, full := range []int{0, 1, 2} {
			m := &model{has: content{schema: 1, users: "ab"}, kept: map[string]content{"0": {schema: 1, users: "a"}}, marker: &Marker{Schema: 1, Version: "1"}, order: "0"}
			m.backups = []index.Info{{Header: index.Header{ID: "0", Schema: 1}}}
			m.Default = slots.A
			m.Sides = [2]slots.Side{{State: slots.Good}, {State: slots.Bad}}
			m.cut, m.full = cut, full
			for range 2 {
				if _, err := m.boot("c", true); err != nil {
					t.Fatalf("cut %d: %v", cut, err)
				}
				m.cut = 0
			}
			kept := strings.HasPrefix(m.has.users, "ab")
			for _, k := range m.kept {
				kept = kept || strings.HasPrefix(k.users, "ab")
			}
			if m.order != "" || !kept || full == 0 && !strings.HasPrefix(m.has.users, "ac") || full > 0 && !strings.HasPrefix(m.has.users, "ab") {
				t.Errorf("cut %d, full %d: %+v\n%s", cut, full, m, strings.Join(m.said, "\n"))
			}
		}
	}
}
