package gate

import (
	"context"
	"fmt"
	"time"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// look is how often units are looked at.
const look = time.Second

// Run watches over this boot until it is known whether it is good. A slot that is on trial
// and bad is given up: the machine restarts, and has the other one.
func Run(ctx context.Context, trial plan.Trial, say func(string)) error {
	v, why, err := await(ctx, &Gate{Trial: trial})
	if ctx.Err() != nil {
		return nil // the machine goes down before it is known
	}
	if err != nil {
		return err
	}
	return judge(ctx, say, func(running slots.Running, rec *bootdisk.Record) (restart bool, err error) {
		s := slots.Named(running.Slot)
		switch {
		case v == Good:
			say(fmt.Sprintf("slot %v is good", s))
			return false, keep(rec, s, running)
		case rec.Now.Side(s).State == slots.Good:
			say(fmt.Sprintf("slot %v was good and stays: %s", s, why))
			return false, nil
		}
		say(fmt.Sprintf("slot %v: %s; the machine restarts", s, why))
		return true, rec.Write(rec.Now.Failed(s, why))
	})
}

// Corrupt gives up the slot that runs, since a block of its root is not what it was: at once
// when it is on trial, else from the next boot on, which restart has come now. A slot is not
// left for one that is not good.
func Corrupt(ctx context.Context, block string, restart bool, say func(string)) error {
	return judge(ctx, say, func(running slots.Running, rec *bootdisk.Record) (bool, error) {
		s := slots.Named(running.Slot)
		why := "its root is corrupt: dm-verity has refused block " + block
		next := rec.Now.Failed(s, why)
		leave := next.Side(s).State == slots.Bad
		now := rec.Now.Side(s).State != slots.Good || restart && leave
		switch {
		case now:
			say(fmt.Sprintf("slot %v: %s; the machine restarts", s, why))
		case leave:
			say(fmt.Sprintf("slot %v: %s; the next boot will be of slot %v", s, why, s.Other()))
		default:
			say(fmt.Sprintf("slot %v: %s, and slot %v is not good", s, why, s.Other()))
			return false, nil
		}
		return now, rec.Write(next)
	})
}

// Leave gives up the slot that runs for a good one: at once, and also where its units have not
// begun. The restart is asked for until ctx ends, as it does when that comes.
func Leave(ctx context.Context, why string, say func(string)) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		err := judge(ctx, say, func(running slots.Running, rec *bootdisk.Record) (bool, error) {
			s := slots.Named(running.Slot)
			if rec.Now.Side(s).State == slots.Bad {
				return true, nil
			}
			say(fmt.Sprintf("slot %v: %s; the machine restarts", s, why))
			return true, rec.Write(rec.Now.Failed(s, why))
		})
		if err == nil {
			return nil
		}
		say(err.Error())
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// judge has the record of slots for a judgement of the one that runs, and restarts the
// machine when that says so. A slot that only runs since the loader did not do as it was told
// is not judged.
func judge(ctx context.Context, say func(string), judgement func(slots.Running, *bootdisk.Record) (restart bool, err error)) error {
	running, err := slots.ReadRunning()
	if err != nil {
		return err
	}
	if running.Worse {
		say(fmt.Sprintf("slot %s is not judged: %s", running.Slot, running.Reason))
		return nil
	}
	restart := false
	err = bootdisk.With(running.Record, func(rec *bootdisk.Record) (err error) {
		if rec.Problem != nil {
			say(rec.Problem.Error())
		}
		restart, err = judgement(running, rec)
		return err
	})
	if err != nil || !restart {
		return err
	}
	return client.Ask(ctx, "Shutdown", control.ShutdownArgs{Kind: supervisor.Reboot}, nil)
}

// keep has the record say that a slot is good, and the loader boot it from now on.
func keep(rec *bootdisk.Record, s slots.Slot, running slots.Running) error {
	if next := rec.Now.MarkGood(s); *next != *rec.Now {
		if err := rec.Write(next); err != nil {
			return err
		}
	}
	if l := loader.Find(running.ESP, running.Record); l != nil {
		return l.Commit(s)
	}
	return nil
}

// await waits until a boot is known to be good or bad.
func await(ctx context.Context, g *Gate) (Verdict, string, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		var r control.StatusReply
		if err := client.Ask(ctx, "List", nil, &r); err != nil {
			return Unknown, "", err
		}
		if v, why := g.See(r); v != Unknown {
			return v, why, nil
		}
		select {
		case <-ctx.Done():
			return Unknown, "", ctx.Err()
		case <-tick.C:
		}
	}
}
