// Command bench boots several inits under QEMU, on one kernel and with one
// workload, and measures how they bring it up, what memory they take, and how
// they restart services, reap orphans and power off. It is what `make bench`
// runs.
//
//	main.go      flags, cells
//	programs.go  the programs that are built: c/, gofloor/, ClarityOS
//	image.go     one image: the whole root of a boot
//	run.go       one boot, bounded, on one of two clocks
//	console.go   the figures on its console
//	results.go   all runs, results.json
//	statistics/, table.go, targets.go  what is printed
//	workload/    what is started
//	adapter/     how each init is told to start it
//
// With -clock icount, guest time is a count of instructions, one nanosecond
// each, which both CPUs share while both are busy, and sleeps are skipped. The
// host's load does not enter, so this is the clock to compare code with, and
// boots may go on side by side. With -clock real, guest time is the host's, a
// thread for each CPU; then whatever costs instructions looks several times as
// heavy as on hardware, and a boot beside which others used much of the host is
// repeated.
//
// The same cells give the same figures with the Python program that the
// workloads, measures and adapters are from; -out writes its results.json.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"clarityos/qemu/bench/adapter"
	"clarityos/qemu/bench/workload"
)

// Clocks of the guest.
const (
	byInstructions = "icount"
	byHost         = "real"
)

// bench is what was asked for.
type bench struct {
	inits, workloads, variants []string

	repetitions, kills, orphans, cpus int

	clock      string
	limit      time.Duration // for one boot, by the host's clock
	append     string        // to the kernel's command line
	maxForeign float64       // cores that others may use beside a boot by the host's clock
	atOnce     int           // boots side by side
	out        string        // the results' file, "" for none
	logs       string        // the folder that keeps the consoles, "" for none

	all  []workload.Workload
	work string // folder of programs and images
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var b bench
	inits := flag.String("inits", "clarityos,clarityos+log,oracle,sysvinit,s6,systemd,floor", "inits, or all")
	workloads := flag.String("workloads", "flat,dag,chain,kills,flat500", "workloads, or all")
	variants := flag.String("variants", "", "variants, or all; the first one of each workload if none are given")
	flag.IntVar(&b.repetitions, "reps", 3, "boots of each cell")
	flag.IntVar(&b.kills, "kills", 30, "services killed, one after another, where the workload does not say")
	flag.IntVar(&b.orphans, "orphans", 5000, "zombies that PID 1 inherits at once")
	flag.IntVar(&b.cpus, "cpus", 2, "the guest's CPUs")
	flag.StringVar(&b.clock, "clock", byInstructions, "the guest's time: icount, 1 ns an instruction, or real")
	seed := flag.Uint64("seed", 8, "of the dag")
	flag.DurationVar(&b.limit, "limit", 5*time.Minute, "how long one boot may take, by the host's clock")
	flag.StringVar(&b.append, "append", "", "words to add to the kernel's command line")
	flag.Float64Var(&b.maxForeign, "max-foreign", 0.5, "with -clock real, repeat a boot, twice at most, when others used more cores")
	flag.IntVar(&b.atOnce, "at-once", 0, "boots side by side, only with -clock icount; 0 for one on each of this machine's CPUs")
	flag.StringVar(&b.out, "out", "", "a `file` for the results, as JSON")
	flag.StringVar(&b.logs, "keep-logs", "", "a `folder` for the consoles of all boots")
	list := flag.Bool("list", false, "list inits and workloads, boot nothing")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; -help lists the flags", flag.Arg(0))
	}
	b.all = workload.All(*seed)
	if *list {
		printList(b.all)
		return nil
	}
	b.inits, b.workloads, b.variants = names(*inits), names(*workloads), names(*variants)
	if err := b.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "clarity-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.work = dir
	return b.run(ctx)
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// check completes what was asked for, or says what of it makes no sense.
func (b *bench) check() error {
	if b.clock != byInstructions && b.clock != byHost {
		return fmt.Errorf("-clock %s is none of %s and %s", b.clock, byInstructions, byHost)
	}
	if b.atOnce == 0 {
		b.atOnce = 1
		if b.clock == byInstructions {
			b.atOnce = runtime.NumCPU()
		}
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"reps", b.repetitions, 1}, {"kills", b.kills, 0}, {"orphans", b.orphans, 0}, {"cpus", b.cpus, 1}, {"at-once", b.atOnce, 1}} {
		if n.value < n.least {
			return fmt.Errorf("-%s %d is less than %d", n.flag, n.value, n.least)
		}
	}
	if b.clock == byHost && b.atOnce > 1 {
		return fmt.Errorf("-at-once %d: boots by the host's clock would disturb each other", b.atOnce)
	}
	return nil
}

// cell is one thing to measure: an init, a workload and a variant of it.
type cell struct {
	init     adapter.Init
	workload workload.Workload
	variant  string
}

func (c cell) String() string { return c.init.Name + " " + c.workload.Name + " " + c.variant }

// cells are what was asked for, as far as the inits can do it.
func (b *bench) cells() ([]cell, error) {
	inits, err := adapter.Find(b.inits)
	if slices.Equal(b.inits, []string{"all"}) {
		inits, err = adapter.All(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; -list shows all", err)
	}
	workloads, err := workload.Find(b.all, b.workloads)
	if slices.Equal(b.workloads, []string{"all"}) {
		workloads, err = b.all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; -list shows all", err)
	}
	var cells []cell
	for _, i := range inits {
		for _, w := range workloads {
			for _, v := range i.VariantsOf(w) {
				if b.wants(w, v) {
					cells = append(cells, cell{i, w, v})
				}
			}
		}
	}
	if len(cells) == 0 {
		return nil, fmt.Errorf("none of these inits has one of these workloads in one of these variants; -list shows all")
	}
	return cells, nil
}

func (b *bench) wants(w workload.Workload, variant string) bool {
	if len(b.variants) == 0 {
		return variant == w.Variants[0]
	}
	return slices.Contains(b.variants, variant) || slices.Equal(b.variants, []string{"all"})
}

func printList(all []workload.Workload) {
	for _, i := range adapter.All() {
		fmt.Printf("%-14s %s\n", i.Name, i.About)
		for _, w := range all {
			if v := i.VariantsOf(w); len(v) > 0 {
				fmt.Printf("%-14s   %s: %s\n", "", w.Name, strings.Join(v, ", "))
			}
		}
	}
	for _, w := range all {
		f := w.Facts()
		fmt.Printf("%-14s %d services, %d ms of work, %d ms along the longest way of %d; %d ms at best with two CPUs\n",
			w.Name, f.Services, f.Work, f.CriticalPath, f.Depth, f.Ideal)
	}
}
