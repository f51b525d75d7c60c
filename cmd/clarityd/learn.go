package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/stage"
	"clarityos/learn"
	"clarityos/learn/observe"
	"clarityos/services/bus"
	"clarityos/services/discovery"
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
	p, err := thePlan()
	if err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	return learn.Run(ctx, learn.Config{Bus: bus.Path, Pins: observe.Dir, Record: learnHooks, Say: say, Profiles: profilesFile(), Discovery: discovery.Dir, Sockets: learn.Sockets(p), Silent: learn.Silent(p), Confirmed: word(confirmedWord),
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

// profilesFile is on the disk for /var where there is one, else it lives as long as
// the machine runs.
func profilesFile() string {
	var root, own unix.Stat_t
	var kind unix.Statfs_t
	err := errors.Join(unix.Stat("/", &root), unix.Stat("/var", &own), unix.Statfs("/var", &kind))
	if err != nil || own.Dev == root.Dev || kind.Type == unix.TMPFS_MAGIC || kind.Type == unix.RAMFS_MAGIC {
		return "/run/clarity/profiles"
	}
	return "/var/lib/clarity/profiles"
}

// Words on the kernel's command line.
const (
	// confirmedWord is for boots that nothing is to be learned of before the hooks
	// are live, so that they do not wait for them.
	confirmedWord = "clarity.learn=confirmed"
	// probesWord has functions probed that could be watched by trampolines, as it is
	// on kernels without those.
	probesWord = "clarity.learn=probes"
)

// word says whether the kernel's command line has a word.
func word(w string) bool { return slices.Contains(stage.CommandLine(), w) }

// loadHooks puts the observer's programs into the kernel, and ends.
func loadHooks(context.Context, []string) error {
	_, err := observe.Load(observe.Dir, learnHooks, word(probesWord))
	return err
}
