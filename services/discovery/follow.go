package discovery

import (
	"context"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// Load gives the table of what the bus at path keeps now.
func Load(ctx context.Context, path string) (*Table, error) {
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
