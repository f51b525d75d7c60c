package discovery

import (
	"context"
	"time"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

const (
	// askMost bounds one question to the bus.
	askMost = 10 * time.Second
	// askAgain is when a bus that did not answer is asked again.
	askAgain = 100 * time.Millisecond
)

// Load gives the table of what the bus at path keeps now.
func Load(ctx context.Context, path string) (*Table, error) {
	ctx, cancel := context.WithTimeout(ctx, askMost)
	defer cancel()
	var r bus.KeptReply
	if err := client.Call(ctx, path, "Kept", bus.Interest{Topics: Topics()}, &r); err != nil {
		return nil, err
	}
	t := New()
	for _, m := range r.Messages {
		t.Take(m)
	}
	return t, nil
}

// Await is Load as soon as there is a bus. When ctx ends before, the error says why
// there was none.
func Await(ctx context.Context, path string) (*Table, error) {
	for {
		t, err := Load(ctx, path)
		if err == nil {
			return t, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(askAgain):
		}
	}
}

// Follow folds what comes after that, and calls changed after each message or several,
// until ctx ends or changed gives an error, which it returns. Trouble, which may be nil,
// is told why there is no bus.
func (t *Table) Follow(ctx context.Context, path string, trouble func(error), changed func() error) error {
	return client.Follow(ctx, path, bus.Interest{Topics: Topics(), After: t.seq}, trouble, func(d bus.Delivery) error {
		for _, m := range d.Messages {
			t.Take(m)
		}
		return changed()
	})
}
