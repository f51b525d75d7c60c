package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"clarityos/init/spawn"
)

func init() { runtime.MemProfileRate = 0 }

func main() {
	if spawn.IsStub() {
		os.Exit(spawn.Stub())
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: this is PID 1 of a ClarityOS image; `clarityctl` talks to the one that runs, `clarity run` boots an image")
		os.Exit(64)
	}
	// Four forks may hold a P each until their child has executed; the fifth is
	// for the loop.
	runtime.GOMAXPROCS(5)
	// No collection while services start, short of the limit; bootDone begins it.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(32 << 20)
	p := boot()
	for {
		p.turn()
	}
}
