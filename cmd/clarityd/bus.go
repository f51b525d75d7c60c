package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"clarityos/services/bus"
	"clarityos/services/bus/pid1"
	"clarityos/services/control"
	"clarityos/services/sdnotify"
)

const (
	busStates = "/run/clarity/bus.states"
	// busMemory is a soft limit, several times what is in use.
	busMemory = 24 << 20
)

// runBus is the message bus, and publishes for PID 1.
func runBus(ctx context.Context, _ []string) error {
	debug.SetMemoryLimit(busMemory)
	if err := os.MkdirAll(filepath.Dir(bus.Path), 0o755); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	store, states, bad, err := bus.OpenStore(busStates)
	if err != nil {
		return err
	}
	defer store.Close()
	if bad > 0 {
		say(fmt.Sprintf("%s ended in %d bytes that are no state: the last one was being written when the bus was killed", busStates, bad))
	}
	l, err := bus.Listen(bus.Path)
	if err != nil {
		return err
	}
	server := bus.NewServer(bus.NewBroker(states, store))
	var feed sync.WaitGroup
	defer feed.Wait()
	feed.Go(func() {
		f := pid1.Feed{Control: control.Path, Publish: server.Publish, Say: say}
		f.Run(ctx, states)
	})
	if err := sdnotify.Send("READY=1"); err != nil {
		return err
	}
	return server.Serve(ctx, l)
}
