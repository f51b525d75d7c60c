package learn

import (
	"context"
	"encoding/json"
	"fmt"

	"clarityos/learn/status"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// answerActs tells what a unit was seen to do, until ctx ends. What an earlier
// process of the component saw is not known any more.
func (c *component) answerActs(ctx context.Context) {
	client.Attend(ctx, c.Bus, []bus.Pattern{status.ActsTopic}, nil, func(t bus.Task) (any, error) { return c.actsOf(t.Body) })
}

func (c *component) actsOf(body json.RawMessage) (any, error) {
	var q status.ActsRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("a request for a unit's acts: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return status.ActsReply{Acts: c.acts.Of(q.Unit)}, nil
}
