package status

import (
	"context"
	"time"

	"clarityos/services/bus/client"
)

// ActsTopic is where the component answers requests for what a unit was seen to do.
const ActsTopic = "learn.acts"

// ActsRequest asks for the acts of a unit.
type ActsRequest struct {
	Unit string `json:"unit"`
}

// ActsReply is what a unit was seen to do, the first thing first.
type ActsReply struct {
	Acts []Act `json:"acts"`
}

// Act is what a unit was seen to do for the first time in this boot, or what was
// done to it: "executed" "/usr/sbin/nginx", "got SIGHUP" "from a.service".
type Act struct {
	At     time.Duration `json:"at"` // CLOCK_BOOTTIME
	What   string        `json:"what"`
	Object string        `json:"object,omitempty"`
}

// AskActs asks the component at a bus what a unit was seen to do.
func AskActs(ctx context.Context, path, unit string) (r ActsReply, err error) {
	err = client.Ask(ctx, path, ActsTopic, ActsRequest{Unit: unit}, &r, 5*time.Second)
	return r, err
}
