// Command clarityd is the components of ClarityOS: one role per process, chosen
// by the first argument. All of them may die at any time.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"syscall"

	"clarityos/init/devices"
	"clarityos/init/stage"
)

// role runs until its work is done or ctx ends; args are those after its name.
type role func(ctx context.Context, args []string) error

var roles = map[string]role{
	"agent":      runAgent,
	"bus":        runBus,
	"bus-name":   awaitBusName,
	"compile":    compilePlan,
	"devices":    runDevices,
	"evolution":  runEvolution,
	"learn":      runLearn,
	"learn-load": loadHooks,
	"log":        runLog,
	"network":    runNetwork,
	"setup":      runSetup,
	"slots":      runSlots,
}

// lasting are the roles that go on as long as the machine and wait for others most of the
// time.
var lasting = []string{"bus", "evolution", "learn", "log"}

func main() {
	debug.SetGCPercent(50)
	if filepath.Base(os.Args[0]) == "modprobe" {
		if err := devices.Modprobe(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		names := make([]string, 0, len(roles))
		for n := range roles {
			names = append(names, n)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: clarityd ROLE\nroles: %s\n", strings.Join(names, ", "))
		os.Exit(64)
	}
	if slices.Contains(lasting, os.Args[1]) {
		if err := stage.CoarseTimers(); err != nil {
			say(err.Error()) // it costs more then
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := roles[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "clarityd %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// say puts a line where the component's unit sends it.
func say(line string) { fmt.Println(line) }
