package evolution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/durable"
	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/order"
)

const (
	// busy is how long it waits for an order of somebody else.
	busy = time.Minute
	// poll is how often it sees how far its own is.
	poll = time.Second
	// lookLimit is how long a look may take.
	lookLimit = 20 * time.Minute
	// longest is for how long it waits without a look at the clock, which may be set.
	longest = 10 * time.Minute
)

// Agent is the loop.
type Agent struct {
	Image  installed.Image
	Dir    string // of orders
	Status string // file, see order.StatusFile
	// Start has the updater begin.
	Start func(context.Context) error
	// Plugged is told when a disk has come; nil: nobody looks at media.
	Plugged <-chan struct{}
	// Other is the version in the slot that does not run.
	Other  func() string
	Say    func(string)
	Random func() float64
}

// Run looks for newer versions until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	began := time.Now()
	for random := a.Random(); ; {
		left := longest + 1 // nothing is looked for
		if a.Image.Every > 0 && a.Image.From != "" {
			left = Next(a.state(), a.Image.Every, began, time.Now(), random)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.Plugged:
			if err := a.look(ctx, medium); err != nil && ctx.Err() == nil {
				a.Say(err.Error())
			}
			continue
		case <-time.After(min(left, longest)):
		}
		if left > longest {
			continue
		}
		random = a.Random()
		s := State{Looked: time.Now().UTC()}
		err := a.look(ctx, "")
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, order.ErrBusy):
			if sleep(ctx, busy) != nil {
				return nil
			}
			continue
		case err != nil:
			s.Failures, s.Error = a.state().Failures+1, err.Error()
			a.Say(err.Error())
		}
		if err := a.keep(s); err != nil {
			a.Say(err.Error())
			if sleep(ctx, a.Image.Every) != nil { // what was not kept would have it look again at once
				return nil
			}
		}
	}
}

// medium is package medium's Name, which is not imported here: it links the network's code.
const medium = "medium"

// look orders a look at a source, "" for the image's own and, by what is there, what the
// policy says.
func (a *Agent) look(ctx context.Context, from string) error {
	there, err := a.order(ctx, &order.Order{Kind: order.Check, From: from, Who: Who, Time: time.Now().UTC()}, true)
	if err != nil {
		return err
	}
	if there.Error != "" {
		return errors.New(there.Error)
	}
	records, err := journal.Read(order.Journal(a.Dir))
	if err != nil {
		return err
	}
	o := Decide(a.Image.Policy, there, journal.Refused(records), a.Other())
	if o == nil {
		return nil
	}
	o.Time = time.Now().UTC()
	_, err = a.order(ctx, o, false)
	return err
}

// order leaves an order, starts the updater and, where that is wanted, waits for what comes of
// it in this boot.
func (a *Agent) order(ctx context.Context, o *order.Order, wait bool) (order.Status, error) {
	if err := order.Put(a.Dir, o); err != nil {
		return order.Status{}, err
	}
	if err := a.Start(ctx); err != nil {
		return order.Status{}, fmt.Errorf("start the updater: %w", err)
	}
	if !wait {
		return order.Status{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	for {
		s, err := order.ReadStatus(a.Status)
		if err != nil {
			return order.Status{}, err
		}
		if s != nil && s.Order.ID == o.ID && s.Done {
			return *s, nil
		}
		if err := sleep(ctx, poll); err != nil {
			return order.Status{}, fmt.Errorf("the updater has not said in %v what there is: %w", lookLimit, err)
		}
	}
}

func stateFile(dir string) string { return filepath.Join(dir, "agent.json") }

// ReadState gives what the agent has kept in a folder of orders; what cannot be read is as if it
// had never looked.
func ReadState(dir string) (s State) {
	text, err := os.ReadFile(stateFile(dir))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return State{}
	}
	return s
}

func (a *Agent) state() State { return ReadState(a.Dir) }

func (a *Agent) keep(s State) error {
	text, err := json.Marshal(s)
	if err == nil {
		err = os.MkdirAll(a.Dir, 0o700)
	}
	if err != nil {
		return err
	}
	return durable.WriteFile(stateFile(a.Dir), text, 0o600)
}

func sleep(ctx context.Context, long time.Duration) error {
	t := time.NewTimer(long)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
