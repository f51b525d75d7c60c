package main

import (
	"context"

	"clarityos/update/slots/gate"
)

// runSlots watches over the boot of a root slot.
func runSlots(ctx context.Context, _ []string) error {
	p, err := thePlan()
	if err != nil {
		return err
	}
	return gate.Run(ctx, p.System.Trial, say)
}
