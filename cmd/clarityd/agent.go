package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"clarityos/qemu/agent"
)

// portLimit is how long the driver of the agent's port may take to load.
const portLimit = 30 * time.Second

// runAgent runs commands for the host of a virtual machine, on which this
// machine depends for everything anyway. Where there is no such port it ends
// after portLimit, without an error.
func runAgent(ctx context.Context, _ []string) error {
	if os.Getenv("PATH") == "" {
		if err := os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, portLimit)
	defer cancel()
	port, err := agent.WaitPort(wait, agent.PortName)
	switch {
	case errors.Is(err, agent.ErrNoPort):
		say(fmt.Sprintf("no agent here: %v", err))
		return nil
	case err != nil:
		return err
	}
	if err := agent.Serve(ctx, port); ctx.Err() == nil {
		return err
	}
	return nil
}
