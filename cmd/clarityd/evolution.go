package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
	"clarityos/update/evolution"
	"clarityos/update/installed"
	"clarityos/update/order"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// runEvolution looks for newer versions of the image.
func runEvolution(ctx context.Context, _ []string) error {
	image, err := installed.Read()
	if err != nil {
		return err
	}
	running, err := slots.ReadRunning()
	if err != nil {
		return err
	}
	a := evolution.Agent{
		Image: image, Dir: order.Dir, Status: order.StatusFile, Start: startUpdater, Say: say, Random: rand.Float64,
		Other: func() (version string) {
			err := bootdisk.With(running.Record, func(rec *bootdisk.Record) error {
				version = rec.Now.Side(slots.Named(running.Slot).Other()).Version
				return nil
			})
			if err != nil {
				say(err.Error()) // then it is fetched once more
			}
			return version
		},
	}
	return a.Run(ctx)
}

// startUpdater has PID 1 start the updater, and waits until it runs.
func startUpdater(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, learnedLimit)
	defer cancel()
	c, err := client.Dial(ctx, control.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	var r control.ChangeReply
	if err := c.Call(ctx, "Change", control.ChangeArgs{Verb: supervisor.VerbStart, Unit: order.Unit}, &r); err != nil {
		return err
	}
	if r.Outcome != supervisor.OutcomeDone {
		return fmt.Errorf("%s: %s: %s", order.Unit, r.Outcome, r.Message)
	}
	return nil
}
