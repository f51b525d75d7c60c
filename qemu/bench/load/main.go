// Command load is every program of a benchmark's image but ClarityOS itself:
// the services, the probe that watches them, and the floor, a PID 1 that only
// starts, reaps and restarts, for figures that none can be expected to beat.
//
//	load serve NAME WORK          a service that burns CPU time, then is ready
//	load probe SHAPE COMMAND...   waits for the shape's services, takes the
//	                              figures and turns the power off by COMMAND
//	load orphans N                leaves N zombies to PID 1
//	load floor SHAPE              PID 1
//	load poweroff                 has the floor turn the power off
//
// All moments are CLOCK_BOOTTIME of the guest.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/qemu/bench/workload"
)

func main() {
	began := now()
	if err := run(began, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(began time.Duration, args []string) error {
	switch mode := strings.Join(args[:min(1, len(args))], ""); {
	case mode == "serve" && len(args) == 3:
		work, err := time.ParseDuration(args[2])
		if err != nil {
			return err
		}
		return serve(args[1], began, work)
	case mode == "probe" && len(args) > 2:
		shape, err := workload.Find(args[1])
		if err != nil {
			return err
		}
		return probe(shape, args[2:])
	case mode == "orphans" && len(args) == 2:
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return leaveOrphans(n)
	case mode == "floor" && len(args) == 2:
		shape, err := workload.Find(args[1])
		if err != nil {
			return err
		}
		return floor(shape)
	case mode == "poweroff":
		return unix.Kill(1, powerOffSignal)
	}
	return errors.New("usage: load serve|probe|orphans|floor|poweroff, see its documentation")
}

// now is the moment since boot, the same for all processes.
func now() time.Duration { return clock(unix.CLOCK_BOOTTIME) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err) // both clocks in use are in every kernel
	}
	return time.Duration(t.Nano())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
