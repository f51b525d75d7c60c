package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"clarityos/services/log"
	"clarityos/services/log/intake"
)

const (
	// logLink is the descriptor that PID 1 passes.
	logLink = 3
	// logMemory is a soft limit, several times what is in use.
	logMemory = 16 << 20
)

// runLog is the log component. It needs PID 1's socket as descriptor 3.
func runLog(ctx context.Context, _ []string) error {
	debug.SetMemoryLimit(logMemory)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("which boot is this: %w", err)
	}
	return intake.Run(ctx, intake.Config{Link: logLink, Dir: "/run/clarity/log", BootID: string(boot), Limits: log.Limits{}})
}
