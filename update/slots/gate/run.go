package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

const (
	// look is how often units are looked at, answer how long PID 1 may take.
	look   = time.Second
	answer = 10 * time.Second
)

// Running reads what stage 1 has chosen.
func Running() (r slots.Running, err error) {
	text, err := os.ReadFile(slots.RunningFile)
	if errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("this machine does not run from a root slot: %w", err)
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("which slot runs: %w", err)
	}
	return r, nil
}

// Run watches over this boot until it is known whether it is good. A slot that is on trial
// and bad is given up: the machine restarts, and has the other one.
func Run(ctx context.Context, trial plan.Trial, say func(string)) error {
	running, err := Running()
	if err != nil {
		return err
	}
	v, why, err := await(ctx, &Gate{Trial: trial})
	if err != nil {
		return err
	}
	rec := bootdisk.OpenRecord(running.Record)
	defer rec.Close()
	if rec.Now == nil {
		return fmt.Errorf("nothing can be said of slot %s: %w", running.Slot, rec.Problem)
	}
	if rec.Problem != nil {
		say(rec.Problem.Error())
	}
	s, next := slots.Named(running.Slot), *rec.Now
	switch {
	case running.Worse:
		say(fmt.Sprintf("slot %v is not judged: %s", s, running.Reason))
		return nil
	case v == Good:
		if err := keep(rec, s); err != nil {
			return err
		}
		say(fmt.Sprintf("slot %v is good", s))
		return commit(s)
	case next.Side(s).State == slots.Good:
		say(fmt.Sprintf("slot %v was good and stays: %s", s, why))
		return nil
	}
	if err := rec.Write(next.Failed(s, why)); err != nil {
		return err
	}
	rec.Close()
	say(fmt.Sprintf("slot %v: %s; the machine restarts", s, why))
	return call(ctx, "Shutdown", control.ShutdownArgs{Kind: supervisor.Reboot}, nil)
}

// keep has the record say that a slot is good, unless it does already.
func keep(rec *bootdisk.Record, s slots.Slot) error {
	if next := rec.Now.MarkGood(s); *next != *rec.Now {
		return rec.Write(next)
	}
	return nil
}

// commit has the loader boot a slot from now on.
func commit(s slots.Slot) error {
	if l := loader.Find(); l != nil {
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
		if err := call(ctx, "List", nil, &r); err != nil {
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

// call makes one call to PID 1.
func call(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	c, err := client.Dial(ctx, control.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, args, reply)
}
