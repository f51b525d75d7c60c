package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"clarityos/learn"
	"clarityos/learn/observe"
	"clarityos/services/bus"
	"clarityos/services/sdnotify"
)

const (
	learnHooks = "/run/clarity/learn.hooks"
	// loadLimit is how long the kernel may take to check the programs.
	loadLimit = time.Minute
)

// runLearn is the learning component.
func runLearn(ctx context.Context, _ []string) error {
	if err := os.MkdirAll(filepath.Dir(learnHooks), 0o755); err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	return learn.Run(ctx, learn.Config{Bus: bus.Path, Pins: observe.Dir, Record: learnHooks, Say: say,
		Load: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, loadLimit)
			defer cancel()
			out, err := exec.CommandContext(ctx, "/proc/self/exe", "learn-load").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}}, func() error { return sdnotify.Send("READY=1") })
}

// loadHooks puts the observer's programs into the kernel, and ends.
func loadHooks(context.Context, []string) error {
	_, err := observe.Load(observe.Dir, learnHooks)
	return err
}
