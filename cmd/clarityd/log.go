package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"clarityos/services/log"
	"clarityos/services/log/conf"
	"clarityos/services/log/forward"
	"clarityos/services/log/intake"
)

const (
	// logLink is the descriptor that PID 1 passes.
	logLink = 3
	// logMemory is a soft limit, several times what is in use.
	logMemory = 16 << 20
	logDir    = "/run/clarity/log"
)

// runLog is the log component. It needs PID 1's socket as descriptor 3.
func runLog(ctx context.Context, _ []string) error {
	debug.SetMemoryLimit(logMemory)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("which boot is this: %w", err)
	}
	c, said := conf.Read(conf.Folders)
	if err := os.MkdirAll(logDir, 0o750); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if c.Forward != nil {
		f := forward.Forwarder{Dir: logDir, To: c.Forward, Host: log.ThisHost(), Say: func(line string) {
			fmt.Fprintln(os.Stderr, "clarityd log:", line)
		}}
		go f.Run(ctx)
	}
	return intake.Run(ctx, intake.Config{Link: logLink, Dir: logDir, BootID: string(boot),
		Limits: c.Runtime, Moved: c.System, Rate: c.Rate, MaxLevel: c.MaxLevel, Say: said})
}
