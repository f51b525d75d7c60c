// Command bench boots generated images under QEMU's instruction clock and prints
// what ClarityOS takes, beside a floor: the same image with a PID 1 that only
// starts, reaps and restarts. It is what `make bench` runs.
//
//	image.go     the images: PID 1, clarityctl, load, a plan; no packages
//	boot.go      one boot, and the figures on its console
//	table.go     medians, spreads, ratios
//	workload/    what is started, and what the figures are called
//	load/        the program that is all services, the probe and the floor
//
// Guest time is a count of instructions, one nanosecond each, so it hardly
// depends on the host and its load, and is comparable only with itself. The
// figures compare two PID 1s on one kernel; they are not those of hardware. The
// services are Go programs, of which a start costs several ms of that time, so
// look at differences in readiness as well as at ratios.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	runs := flag.Int("runs", 3, "boots of each image")
	cpus := flag.Int("cpus", 2, "the guest's CPUs, which share the instructions of each nanosecond; 1 varies less")
	limit := flag.Duration("limit", 5*time.Minute, "how long one boot may take, by the host's clock")
	more := flag.String("append", "", "words to add to the kernel's command line")
	echo := flag.Bool("echo", false, "show the consoles, on standard error")
	flag.Parse()
	if flag.NArg() > 0 || *runs < 1 || *cpus < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	b := bench{runs: *runs, cpus: *cpus, limit: *limit, append: *more}
	if *echo {
		b.echo = os.Stderr
	}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run builds, boots and prints. The boots of a run are one of each image and
// init, so that what changes on the host over time meets all of them.
func (b *bench) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "clarity-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if err := b.buildImages(ctx); err != nil {
		return err
	}
	samples := samples{}
	for n := range b.runs {
		for _, img := range b.images {
			for _, init := range inits {
				began := time.Now()
				f, err := b.boot(ctx, img, init)
				if err != nil {
					return fmt.Errorf("run %d, %s under %s: %w", n+1, img.shape.Name, init.name, err)
				}
				samples.add(img.shape.Name, init.name, f)
				fmt.Fprintf(os.Stderr, "run %d of %d: %s under %s (%v)\n", n+1, b.runs, img.shape.Name, init.name, time.Since(began).Round(time.Second))
			}
		}
	}
	fmt.Printf("Linux %s, %d CPUs, 1 instruction = 1 ns; medians of %d runs, ± half of max-min.\n\n", b.release, b.cpus, b.runs)
	fmt.Print(table(samples))
	return nil
}
