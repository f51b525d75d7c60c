package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"clarityos/services/bus"
	"clarityos/services/bus/pid1"
	"clarityos/services/control"
	"clarityos/services/sdnotify"
)

// busStates is on a file system that lives as long as the machine runs.
const busStates = "/run/clarity/bus.states"

// runBus is the message bus, and publishes for PID 1.
func runBus(ctx context.Context, _ []string) error {
	if err := os.MkdirAll(filepath.Dir(bus.Path), 0o755); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	return bus.Run(ctx, bus.Config{
		Socket: bus.Path, States: busStates, Say: say,
		Ready: func() error { return sdnotify.Send("READY=1") },
		Beside: func(ctx context.Context, s *bus.Server, kept []bus.Message) {
			f := pid1.Feed{Control: control.Path, Publish: s.Publish, Say: say}
			f.Run(ctx, kept)
		},
	})
}
