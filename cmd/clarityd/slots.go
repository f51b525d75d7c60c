package main

import (
	"context"
	"time"

	"clarityos/update/restart"
	"clarityos/update/slots"
	"clarityos/update/slots/gate"
)

// runSlots watches over the boot of a root slot.
func runSlots(ctx context.Context, _ []string) error {
	p, err := thePlan()
	if err != nil {
		return err
	}
	running, err := slots.ReadRunning()
	if err != nil {
		return err
	}
	if err := restart.End(restart.HistoryFile, restart.BootID(), time.Now(), "slot "+running.Slot+" runs"); err != nil {
		say(err.Error()) // the history lacks it
	}
	return gate.Run(ctx, p.System.Trial, say)
}
