// Package install takes updates: it finds the release that an order wants, writes it to the
// slot that does not run while the other one serves, has the machine try it, and says what
// became of it. Everything that it does is begun again from what is on the disk when it was
// ended in the middle, by whatever.
//
//	run.go      an order, from its begin to its end
//	find.go     which release it wants, and whether this machine can take that
//	install.go  a release written to a slot
//	write.go    its chunks
//	plan.go     where each of them comes from
//	disk.go     a file that is read back while it is written
//	boot.go     its files for the loader
//	machine.go  the machine
//
// Nothing is written before a release is known to be signed and to fit, and the record of
// slots never names a slot of which not all was read back from the disk.
package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/update/journal"
	"clarityos/update/order"
	"clarityos/update/restart"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/source"
	"clarityos/update/trust"
)

const (
	// tries is how many boots a release has to be good.
	tries = 3
	// judged is how often the record is looked at while a boot is judged.
	judged = time.Second
	// mayRestart is how often it is asked whether the machine may restart.
	mayRestart = 5 * time.Second
	// told is how often a status is told while bytes are written.
	told = 500 * time.Millisecond
)

// Updater carries out orders.
type Updater struct {
	Dir     string // see order.Dir
	Status  string // see order.StatusFile
	Machine *Machine
	// Open opens a source.
	Open func(where string) (source.Source, error)
	// Refresh gives what a source offers, as far as it is trusted.
	Refresh func(context.Context, source.Source) (trust.Result, error)
	Say     func(string)
	Publish func(order.Status)
	Now     func() time.Time

	order   *order.Order
	journal *journal.Journal
	status  order.Status
}

// Run carries out the order that there is, as far as that is possible in this boot. An error
// is that it has to be run again; how the order itself ended is in the journal.
func (u *Updater) Run(ctx context.Context) error {
	release, err := u.lock()
	if err != nil {
		return err
	}
	defer release()
	if u.order, err = order.Read(u.Dir); err != nil || u.order == nil {
		return err
	}
	u.status = order.Status{Order: *u.order, Runs: u.Machine.Version}
	if u.journal, err = journal.Open(order.Journal(u.Dir)); err == nil {
		defer u.journal.Close()
		if u.journal.Lost > 0 {
			u.say(fmt.Sprintf("%d bytes at the journal's end were torn, and are cut off", u.journal.Lost))
		}
		err = u.carryOut(ctx)
	}
	if ctx.Err() != nil {
		return nil // it goes on when it is begun again
	}
	if err != nil {
		u.status.Text, u.status.Bytes, u.status.Time = err.Error()+"; it is tried again", 0, u.Now().UTC()
		u.publish()
	}
	return err
}

// latest is what the journal says of the order.
func (u *Updater) latest() journal.Update {
	for _, h := range journal.History(u.journal.Records) {
		if h.ID == u.order.ID {
			return h
		}
	}
	return journal.Update{}
}

func (u *Updater) carryOut(ctx context.Context) error {
	h := u.latest()
	switch {
	case h.Step.Ends():
		return u.finish(h.Step, h.Why)
	case h.Step == journal.Trying:
		return u.settle(ctx, h)
	case u.order.Kind == order.Check:
		return u.check(ctx)
	case h.Step == "":
		if err := u.step(journal.Record{Step: journal.Ordered, Who: u.order.Who, From: u.where(), Before: u.Machine.Version}); err != nil {
			return err
		}
	}
	err := u.prepare(ctx)
	switch {
	case err == nil && u.order.Download:
		return u.finish(journal.Downloaded, "")
	case err == nil:
		return u.settle(ctx, u.latest())
	case ctx.Err() != nil:
		return err
	}
	return u.end(journal.Failed, err.Error())
}

// prepare has the slot be what is wanted, and the journal say that it is to be tried.
func (u *Updater) prepare(ctx context.Context) error {
	s := u.Machine.slot()
	if u.order.Kind == order.Rollback {
		side, err := u.side(s)
		if err == nil && side.State != slots.Good {
			err = fmt.Errorf("slot %v is %v; what is gone back to has to be good", s, side.State)
		}
		if err != nil {
			return err
		}
		return u.step(journal.Record{Step: journal.Trying, Slot: s.String(), Version: side.Version})
	}
	from, err := u.Open(u.where())
	if err != nil {
		return err
	}
	defer from.Close()
	r, err := u.find(ctx, from)
	if err != nil {
		return err
	}
	if err := u.write(ctx, r, from); err != nil {
		return err
	}
	if u.order.Download {
		return u.step(journal.Record{Step: journal.Downloaded})
	}
	if err := u.step(journal.Record{Step: journal.Installed}); err != nil {
		return err
	}
	return u.step(journal.Record{Step: journal.Trying})
}

// side is what the record of slots says of a slot now.
func (u *Updater) side(s slots.Slot) (side slots.Side, err error) {
	err = u.Machine.record(func(rec *bootdisk.Record) error { side = *rec.Now.Side(s); return nil })
	return side, err
}

// arm has the next boots be of a slot.
func (u *Updater) arm(s slots.Slot) error {
	return u.Machine.record(func(rec *bootdisk.Record) error {
		next, err := rec.Now.Try(s, tries)
		if err != nil {
			return err
		}
		return rec.Write(next)
	})
}

// restart begins the boot in which the slot is tried, if the order says so, and once it may.
func (u *Updater) restart(ctx context.Context) error {
	is := fmt.Sprintf("%s is in slot %v", u.status.Version, u.Machine.slot())
	if u.order.Restart == order.Never {
		u.tell(is+"; `clarityctl reboot` starts it", true)
		return nil
	}
	for {
		err := u.Machine.MayRestart(u.order.Restart)
		if err == nil {
			break
		}
		u.tell(fmt.Sprintf("%s; the machine does not restart yet: %v", is, err), false)
		if err := wait(ctx, mayRestart); err != nil {
			return err
		}
	}
	u.tell(is+"; the machine restarts", false)
	return u.Machine.Reboot(ctx, restart.Entry{
		Asked: u.Now().UTC(), Who: u.order.Who, Why: "update to " + u.status.Version, Policy: u.order.Restart == order.Policy,
	})
}

func wait(ctx context.Context, long time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(long):
		return nil
	}
}

// settle has a slot be tried, and waits until it is known what became of it. Before the boot
// in which it is, that is not known.
func (u *Updater) settle(ctx context.Context, h journal.Update) error {
	s := slots.Named(h.Slot)
	u.status.Step, u.status.Version, u.status.Slot = h.Step, h.Version, h.Slot
	for {
		side, err := u.side(s)
		if err != nil {
			return err
		}
		runs := u.Machine.Running.Slot == h.Slot
		switch back := u.order.Kind == order.Rollback; {
		case side.State == slots.Good && (runs || !back):
			return u.end(journal.Good, "")
		case side.State == slots.Trying && !runs:
			return u.restart(ctx)
		case side.State == slots.Installed && !runs || side.State == slots.Good:
			if err := u.arm(s); err != nil {
				return err
			}
			continue
		case side.State != slots.Trying:
			return u.end(journal.Left, why(side))
		}
		u.tell(fmt.Sprintf("%s runs in slot %v, and is watched", h.Version, s), false)
		if err := wait(ctx, judged); err != nil {
			return err
		}
	}
}

// why says why a slot is not tried any more.
func why(side slots.Side) string {
	if side.Why != "" {
		return side.Why
	}
	return fmt.Sprintf("the slot is %v", side.State)
}

// step writes to the journal how far the order is.
func (u *Updater) step(r journal.Record) error {
	r.Time, r.Update = u.Now().UTC(), u.order.ID
	if err := u.journal.Append(r); err != nil {
		return err
	}
	u.status.Step = r.Step
	if r.Version != "" {
		u.status.Version = r.Version
	}
	if r.Slot != "" {
		u.status.Slot = r.Slot
	}
	u.tell(u.status.Text, r.Step.Ends())
	return nil
}

// end is the order's last step.
func (u *Updater) end(s journal.Step, why string) error {
	if err := u.step(journal.Record{Step: s, Why: why}); err != nil {
		return err
	}
	return u.finish(s, why)
}

// finish drops an order that has ended.
func (u *Updater) finish(s journal.Step, why string) error {
	u.status.Error = why
	u.status.Step = s
	u.tell(sentence(s, u.status.Version, why), true)
	return order.Drop(u.Dir)
}

// sentence says how an order has ended.
func sentence(s journal.Step, version, why string) string {
	switch s {
	case journal.Good:
		return version + " is good, and stays"
	case journal.Downloaded:
		return version + " is here; `clarityctl update install` has the next boot try it"
	case journal.Left:
		return fmt.Sprintf("%s was left for the version before it: %s", version, why)
	case journal.Canceled:
		return "the update was taken back"
	}
	return why
}

// tell says how far the order is, to whom it concerns.
func (u *Updater) tell(text string, done bool) {
	if text != u.status.Text || done {
		u.say(text)
	}
	u.status.Text, u.status.Done, u.status.Time = text, done, u.Now().UTC()
	u.publish()
}

func (u *Updater) publish() {
	if err := order.Tell(u.Status, u.status); err != nil {
		u.say(err.Error())
	}
	u.Publish(u.status)
}

// progress tells how far bytes are, now and then.
func (u *Updater) progress(p Progress) {
	u.status.Bytes, u.status.Written = p.Size, p.Done
	u.status.Lacking, u.status.Fetched, u.status.Whole = p.Lacking, p.Fetched, p.Whole
	if now := u.Now(); now.Sub(u.status.Time) > told || now.Before(u.status.Time) || p.Done == p.Size {
		u.status.Time = now.UTC()
		u.publish()
	}
}

func (u *Updater) say(line string) {
	if line != "" {
		u.Say(line)
	}
}

// where is the source of the order.
func (u *Updater) where() string {
	if u.order.From != "" {
		return u.order.From
	}
	return u.Machine.From
}

// lock makes sure that one updater is at work at a time.
func (u *Updater) lock() (release func(), err error) {
	if err := os.MkdirAll(u.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(u.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(order.ErrBusy, f.Close())
	}
	return func() { f.Close() }, nil
}

// Cancel takes back what an order has come to, when no updater is at work: what was written
// stays where it is, and is not tried.
func (u *Updater) Cancel() error {
	release, err := u.lock()
	if err != nil {
		return err
	}
	defer release()
	if u.order, err = order.Read(u.Dir); err != nil {
		return err
	}
	if u.order == nil {
		return errors.New("there is no update that could be taken back")
	}
	if u.journal, err = journal.Open(order.Journal(u.Dir)); err != nil {
		return err
	}
	defer u.journal.Close()
	u.status = order.Status{Order: *u.order, Runs: u.Machine.Version}
	if h := u.latest(); h.Step == journal.Trying {
		if h.Slot == u.Machine.Running.Slot {
			return fmt.Errorf("slot %s runs already; `clarityctl update rollback` goes back", h.Slot)
		}
		err := u.Machine.record(func(rec *bootdisk.Record) error {
			next, err := rec.Now.Untry(slots.Named(h.Slot))
			if err != nil {
				return err
			}
			return rec.Write(next)
		})
		if err != nil {
			return err
		}
	}
	return u.end(journal.Canceled, "")
}
