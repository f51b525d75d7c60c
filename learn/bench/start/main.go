// Command start measures what learned needs are worth: how long services of which each
// connects to those that it needs take to be ready, when their units declare that, when
// they declare nothing and try again, or fail and are started again, and when nothing is
// declared and the image was trained. In QEMU on the clock that counts instructions, one
// nanosecond each, from the begin of PID 1 until the last service is ready.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
	"clarityos/qemu/bench/workload"
	"clarityos/services/control"
)

// limit bounds a boot, and every command.
const limit = 10 * time.Minute

func main() {
	rounds := flag.Int("rounds", 3, "how often each is booted")
	name := flag.String("workload", "dag", "dag or chain")
	seed := flag.Uint64("seed", 1, "draws the dag")
	keep := flag.String("keep", "", "keep the images in this new folder")
	flag.Parse()
	if err := run(context.Background(), *rounds, *name, *seed, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "bench of learned starts:", err)
		os.Exit(1)
	}
}

// variant is how an image's units are written.
type variant struct {
	name     string
	declared bool
	retry    time.Duration // 0: the service fails
	trained  bool
}

var variants = []variant{
	{name: "declared", declared: true, retry: 100 * time.Millisecond},
	{name: "undeclared, tried again every 100 ms", retry: 100 * time.Millisecond},
	{name: "undeclared, tried again every second", retry: time.Second},
	{name: "undeclared, failing and started again"},
	{name: "learned, first boot after clarity train", retry: time.Second, trained: true},
}

func run(ctx context.Context, rounds int, name string, seed uint64, dir string) error {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "clarity-start-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	found, err := workload.Find(workload.All(seed), []string{name})
	if err != nil {
		return err
	}
	svc := filepath.Join(dir, "svc")
	if out, err := exec.CommandContext(ctx, "gcc", "-static", "-O2", "-s", "-Wall", "-o", svc, "learn/bench/start/c/svc.c").CombinedOutput(); err != nil {
		return fmt.Errorf("build svc.c: %w: %s; `make bench` installs what it needs", err, out)
	}
	var imgs []*images.Image
	for i, v := range variants {
		at := filepath.Join(dir, strconv.Itoa(i))
		img, err := build(ctx, at, svc, v, found[0])
		if err == nil && v.trained {
			err = trained(ctx, img)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		imgs = append(imgs, img)
	}
	took := make([][]float64, len(variants))
	for range rounds {
		for i, v := range variants {
			t, err := boot(ctx, imgs[i], filepath.Join(dir, "disk"), len(found[0].Services))
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			took[i] = append(took[i], t.Seconds())
			fmt.Fprintf(os.Stderr, "%s: %v\n", v.name, t.Round(time.Millisecond))
		}
	}
	peers, err := others(ctx, dir, rounds, name, seed)
	if err != nil {
		return err
	}
	fmt.Printf("%s of %d services, %d boots each: from the begin of PID 1 until all are ready\n", name, len(found[0].Services), rounds)
	learned := statistics.Median(took[len(took)-1])
	row := func(name string, took []float64) {
		fmt.Printf("%-40s %6.2f ± %.2f s   learned is %.2fx\n", name, statistics.Median(took), statistics.Spread(took)/2, learned/statistics.Median(took))
	}
	for i, v := range variants {
		row(v.name, took[i])
	}
	for _, init := range slices.Sorted(maps.Keys(peers)) {
		row(init+", declared, with nothing besides", peers[init])
	}
	return nil
}

// trained has clarity train put what it learns into an image.
func trained(ctx context.Context, img *images.Image) error {
	c := exec.CommandContext(ctx, "go", "run", "./cmd/clarity", "train", img.Dir, "--boots", "3", "--settle", "10s", "--kill=false", "--timeout", limit.String())
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	again, err := images.Open(img.Dir)
	if err == nil {
		*img = *again
	}
	return err
}

// boot gives how long it took from the begin of PID 1 until all n services were ready.
func boot(ctx context.Context, img *images.Image, disk string, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := os.RemoveAll(disk); err != nil {
		return 0, err
	}
	cfg := qemu.Config{Image: img, Accel: qemu.TCG, CountInstructions: true, NoReboot: true, AnyPorts: true}
	if img.Data {
		cfg.Disk, cfg.DiskSize = disk, img.DataSize
	}
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	defer m.CutPower()
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return 0, err
	}
	var last time.Duration
	err = m.Await(ctx, limit, qemu.Eventually(fmt.Sprintf("%d services to be ready", n), func(ctx context.Context) error {
		res, err := m.Shell(ctx, "clarityctl logs -b -o cat --no-pager | grep '^ready '")
		if err != nil {
			return err
		}
		ready := 0
		for line := range strings.Lines(string(res.Stdout)) {
			if f := strings.Fields(line); len(f) == 3 {
				ns, err := strconv.ParseInt(f[2], 10, 64)
				if err != nil {
					return err
				}
				ready, last = ready+1, max(last, time.Duration(ns))
			}
		}
		if ready != n {
			return fmt.Errorf("it is %d", ready)
		}
		return nil
	}))
	if err != nil {
		return 0, err
	}
	var st control.StatusReply
	if err := m.JSON(ctx, "clarityctl status --json", &st); err != nil {
		return 0, err
	}
	return last - st.Kernel, nil
}
