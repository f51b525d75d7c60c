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
	"clarityos/learn/trial"
	"clarityos/services/bus"
	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/discovery"
	"clarityos/services/sdnotify"
)

const (
	learnHooks = "/run/clarity/learn.hooks"
	// loadLimit is how long the kernel may take to check the programs.
	loadLimit = time.Minute
	// learnedLimit is how long PID 1 may take to take an order.
	learnedLimit = 5 * time.Second
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
	return learn.Run(ctx, learn.Config{Bus: bus.Path, Pins: observe.Dir, Record: learnHooks, Say: say, Profiles: keptAt("profiles"), Graph: keptAt("graph"), Order: orderFiles(), Obey: func() error { return obey(ctx) }, Plan: p, Discovery: discovery.Dir, Confirmed: word(confirmedWord),
		Booted: booted,
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

// kept is the folder on the disk for /var.
const kept = "/var/lib/clarity"

// keptAt is where a file of what was learned is: on the disk for /var where there is
// one, else it lives as long as the machine runs.
func keptAt(name string) string {
	if !lasts() {
		return filepath.Join("/run/clarity", name)
	}
	return filepath.Join(kept, name)
}

// orderFiles are those of what boots are started by.
func orderFiles() trial.Files {
	if !lasts() {
		return trial.Machine("")
	}
	return trial.Machine(kept)
}

// takeOrder has PID 1 start what follows by what earlier boots have taught. Without,
// the boot is as declared, whatever the reason.
func takeOrder(ctx context.Context) {
	if word(offWord) {
		return
	}
	taken, err := orderFiles().Take()
	if err == nil && taken {
		err = obey(ctx)
	}
	if err != nil {
		say(err.Error())
	}
}

// obey has PID 1 take the order.
func obey(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, learnedLimit)
	defer cancel()
	c, err := client.Dial(ctx, control.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, "Learned", nil, nil)
}

// bootedLimit is how long the boot is waited for before the hooks are loaded.
const bootedLimit = 3 * time.Minute

// booted waits until the boot is complete.
func booted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootedLimit)
	defer cancel()
	c, err := client.Dial(ctx, control.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, "Wait", nil, nil)
}

// lasts says whether what is written to /var outlives the boot.
func lasts() bool {
	var root, own unix.Stat_t
	var kind unix.Statfs_t
	err := errors.Join(unix.Stat("/", &root), unix.Stat("/var", &own), unix.Statfs("/var", &kind))
	return err == nil && own.Dev != root.Dev && kind.Type != unix.TMPFS_MAGIC && kind.Type != unix.RAMFS_MAGIC
}

// Words on the kernel's command line.
const (
	// offWord is for boots that are started as declared, and of which nothing is
	// learned.
	offWord = "clarity.learn=off"
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
