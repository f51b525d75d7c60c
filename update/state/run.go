package state

import (
	"context"
	"errors"
	"fmt"

	"clarityos/update/backup/index"
)

// Machine is where steps are carried out.
type Machine interface {
	Look() (Now, error) // the error is Run's
	// BackUp gives the id of a backup, which was read back.
	BackUp(cause index.Cause, version string, schema uint32, paths []index.Path) (string, error)
	Restore(id string) error
	Mark(Marker) error
	Drop() error // the person's order
	// Leave gives up the slot that runs, and restarts the machine. It returns only when that
	// is on its way or cannot be; services must not begin.
	Leave(why string) error
	Say(line string)
}

// ErrLeft is that services must not begin, since the machine restarts.
var ErrLeft = errors.New("the slot is left for the other one, and the machine restarts")

// Run does what is to be done before services begin. The error is ErrLeft, or says with what
// they have to live.
func Run(m Machine) error {
	var worse error
	for {
		n, err := m.Look()
		if err != nil {
			return errors.Join(worse, err)
		}
		step := Decide(n)
		if step.Do == Begin || step.Do == Degraded {
			if step.Do == Degraded {
				return errors.Join(worse, n.failed(m, errors.New(step.Why)))
			}
			if step.Mark != nil {
				err = m.Mark(*step.Mark)
				m.Say(step.Why)
			}
			return errors.Join(worse, n.failed(m, err))
		}
		m.Say(step.Why)
		err = n.carryOut(m, step)
		switch {
		case errors.Is(err, ErrLeft) || errors.Is(err, context.Canceled):
			return errors.Join(worse, err)
		case err != nil && n.Order == "":
			return errors.Join(worse, err)
		case n.Order != "": // done or not, it was tried
			worse = errors.Join(worse, err)
			if err := m.Drop(); err != nil {
				return errors.Join(worse, err)
			}
		}
	}
}

// carryOut carries out a step, and writes its mark.
func (n Now) carryOut(m Machine, s Step) error {
	switch s.Do {
	case Refuse:
		return errors.New(s.Why)
	case BackUp:
		var has Marker
		if n.Marker != nil {
			has = *n.Marker
		}
		id, err := m.BackUp(index.Update, n.Version, has.Schema, n.Migrates)
		mark := *s.Mark
		mark.Backup = id
		if err != nil {
			err = n.failed(m, err)
			if errors.Is(err, ErrLeft) || errors.Is(err, context.Canceled) {
				return err
			}
			// It is not on trial: services begin all the same, and there is no way back.
			return errors.Join(err, m.Mark(*s.Mark))
		}
		return n.failed(m, m.Mark(mark))
	}
	if s.Keep {
		i, _ := n.find(s.Backup)
		schema := i.Schema
		version := n.Version
		if n.Marker != nil {
			schema, version = n.Marker.Schema, n.Marker.Version
		}
		id, err := m.BackUp(index.Restore, version, schema, i.Paths)
		if err != nil {
			return n.undone(m, fmt.Errorf("nothing is restored, since what there is cannot be kept: %w", err))
		}
		m.Say("what there was is kept as backup " + id)
	}
	err := m.Restore(s.Backup)
	if err == nil {
		err = m.Mark(*s.Mark)
	}
	if err != nil {
		return n.undone(m, err)
	}
	m.Say("backup " + s.Backup + " is restored")
	return nil
}

// failed is what comes of a step that has failed: a slot on trial is left for one that is
// good, any other one has to live with what there is. What was only interrupted, as the machine
// goes down, the next boot does.
func (n Now) failed(m Machine, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || !n.Trial || !n.Back || n.Worse {
		return err
	}
	return errors.Join(ErrLeft, err, m.Leave(fmt.Sprintf("/var: %v", err)))
}

// undone is what comes of a restoring that has failed. An order is as if it had not been
// given.
func (n Now) undone(m Machine, err error) error {
	if n.Order != "" {
		return err
	}
	return n.failed(m, err)
}
