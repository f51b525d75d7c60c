package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
)

// attempts is how often a boot by the host's clock is made in all, when others
// used the host.
const attempts = 3

// sample boots until the host was left alone meanwhile, which only counts by the
// host's clock.
func (b *bench) sample(ctx context.Context, n boot) (sample, error) {
	s := sample{Init: n.init.Name, Workload: n.workload.Name, Variant: n.variant, Repetition: n.repetition}
	for attempt := range attempts {
		var err error
		if s.Figures, s.Host, err = b.boot(ctx, n, attempt); err != nil {
			return s, fmt.Errorf("%s: %w", n.cell, err)
		}
		s.Host.Attempt = attempt
		if b.clock == byInstructions || s.Host.ForeignCores <= b.maxForeign {
			break
		}
	}
	s.Host.Load = loadAverage()[0]
	return s, nil
}

// boot boots once, until the guest has turned its power off or the limit is
// over. What goes wrong in the guest is in the result; the error is the host's.
func (b *bench) boot(ctx context.Context, n boot, attempt int) (figures, host, error) {
	seen := newConsole(time.Now)
	var log string
	if b.logs != "" {
		log = filepath.Join(b.logs, fmt.Sprintf("%s-%d.%d.log", strings.ReplaceAll(n.cell.String(), " ", "-"), n.repetition, attempt))
	}
	began, busy, own := time.Now(), busyTime(), childrenTime()
	m, err := qemu.Start(ctx, qemu.Config{
		Image: n.Image, Accel: qemu.TCG, CountInstructions: b.clock == byInstructions, NoReboot: true,
		Console: log, Echo: seen,
	})
	if err != nil {
		return nil, host{}, err
	}
	defer m.Close()
	var late *qemu.WaitError
	err = m.Await(ctx, b.limit, m.PoweredOff())
	if err != nil && (ctx.Err() != nil || !errors.As(err, &late)) {
		return nil, host{}, err
	}
	ended := time.Now()
	m.CutPower()
	if err == nil {
		err = m.Ending()
	}
	if err != nil {
		seen.troubles = append(seen.troubles, err.Error())
	} else if !seen.powerOff.IsZero() {
		seen.figures["shutdown_s"] = statistics.Round(ended.Sub(seen.powerOff).Seconds(), 3)
	}
	seen.derive()
	if missing := seen.figures.missing(); len(missing) > 0 {
		seen.troubles = append(seen.troubles, "the console does not tell "+strings.Join(missing, ", "))
	}
	wall, used := ended.Sub(began), childrenTime()-own
	return seen.figures, host{
		Wall: statistics.Round(wall.Seconds(), 2), CPU: statistics.Round(used.Seconds(), 2),
		ForeignCores: statistics.Round(max(0, (busyTime()-busy-used).Seconds())/wall.Seconds(), 3),
		Errors:       append([]string{}, seen.troubles...),
	}, nil
}

// childrenTime is the CPU time of all children that have ended.
func childrenTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		panic(err) // the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// userTick is the unit of /proc/stat (proc_stat(5), USER_HZ on every platform
// that we run on).
const userTick = 10 * time.Millisecond

// busyTime is the time that all of this machine's CPUs have spent on anything.
func busyTime() time.Duration {
	var user, nice, system, idle, wait, irq, soft, stolen int64
	_, _ = fmt.Sscanf(firstLine("/proc/stat"), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft, &stolen)
	return time.Duration(user+nice+system+irq+soft+stolen) * userTick
}
