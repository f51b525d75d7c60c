package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/control"
	pid1 "clarityos/services/control/client"
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
	if image.Media {
		a.Plugged = plugged(ctx)
	}
	return a.Run(ctx)
}

// plugged is told when a disk or partition comes, once for those that come together.
func plugged(ctx context.Context) <-chan struct{} {
	came := make(chan struct{}, 1)
	go client.Follow(ctx, bus.Path, bus.Interest{Topics: []bus.Pattern{"hardware.change"}}, func(err error) { say(err.Error()) }, func(d bus.Delivery) error {
		for _, m := range d.Messages {
			var h bus.HardwareChange
			if json.Unmarshal(m.Body, &h) == nil && h.Subsystem == "block" && h.Action != "remove" {
				select {
				case came <- struct{}{}:
				default: // it is told already
				}
			}
		}
		return nil
	})
	return came
}

// startUpdater has PID 1 start the updater, and waits until it runs.
func startUpdater(ctx context.Context) error {
	var r control.ChangeReply
	if err := pid1.Ask(ctx, "Change", control.ChangeArgs{Verb: supervisor.VerbStart, Unit: order.Unit}, &r); err != nil {
		return err
	}
	if r.Outcome != supervisor.OutcomeDone {
		return fmt.Errorf("%s: %s: %s", order.Unit, r.Outcome, r.Message)
	}
	return nil
}
