package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"clarityos/images"
	"clarityos/qemu/bench/adapter"
	"clarityos/qemu/bench/workload"
)

// run builds the images, boots them and prints the tables. Each repetition goes
// once through all cells in a shuffled order, so that what changes on the host
// over time meets all of them.
func (b *bench) run(ctx context.Context) error {
	cells, err := b.cells()
	if err != nil {
		return err
	}
	if b.logs != "" {
		if err := os.MkdirAll(b.logs, 0o755); err != nil {
			return err
		}
	}
	all, imgs, err := b.prepare(ctx, cells)
	if err != nil {
		return err
	}
	var boots []boot
	for rep := range b.repetitions {
		order := rand.New(rand.NewPCG(uint64(rep), 0)).Perm(len(imgs))
		for _, i := range order {
			boots = append(boots, boot{imgs[i], rep})
		}
	}
	if err := b.bootAll(ctx, boots, all); err != nil {
		return err
	}
	fmt.Print(report(all))
	for _, s := range all.Runs {
		if len(s.Host.Errors) > 0 {
			return errors.New("some boots failed, see the errors above")
		}
	}
	return nil
}

// prepare builds everything, and describes it.
func (b *bench) prepare(ctx context.Context, cells []cell) (*results, []image, error) {
	kernel, err := images.FetchKernel(ctx, kernelSpec, arch, progress)
	if err != nil {
		return nil, nil, err
	}
	programs, err := buildPrograms(ctx, b.work, programsOf(cells))
	if err != nil {
		return nil, nil, err
	}
	version, err := exec.CommandContext(ctx, "qemu-system-x86_64", "--version").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("ask QEMU for its version: %w; `make deps` installs it", err)
	}
	m := meta{
		Started: time.Now().UTC().Format(time.RFC3339), Kernel: "vmlinuz-" + kernel.Release, Clock: b.clock, CPUs: b.cpus,
		QEMU: strings.SplitN(string(version), "\n", 2)[0], HostCores: runtime.NumCPU(), HostKernel: firstLine("/proc/sys/kernel/osrelease"),
		LoadBefore: loadAverage(), Repetitions: b.repetitions, AtOnce: b.atOnce, Append: b.append,
		Packages: map[string]string{}, Workloads: map[string]workload.Facts{}, Sizes: map[string]adapter.Sizes{},
		Notes: map[string]string{}, NeedsShell: map[string]bool{},
	}
	var imgs []image
	packages := map[string]*images.Tree{}
	for _, c := range cells {
		if packages[c.init.Name] == nil {
			tree, versions, err := fetchPackages(ctx, c.init)
			if err != nil {
				return nil, nil, err
			}
			packages[c.init.Name] = tree
			maps.Copy(m.Packages, versions)
			m.Notes[c.init.Name], m.NeedsShell[c.init.Name] = c.init.Notes, c.init.Shell
		}
		img, err := b.imageOf(c, kernel, packages[c.init.Name], programs)
		if err != nil {
			return nil, nil, err
		}
		imgs = append(imgs, img)
		m.Sizes[strings.ReplaceAll(c.String(), " ", "/")] = img.sizes
		m.Workloads[c.workload.Name] = c.workload.Facts()
	}
	return &results{Meta: m, Runs: []sample{}}, imgs, nil
}

// boot is one repetition of a cell.
type boot struct {
	image
	repetition int
}

// bootAll makes the boots, as many at once as were asked for, in their order.
func (b *bench) bootAll(ctx context.Context, boots []boot, all *results) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan boot)
	var mu sync.Mutex // of all
	var workers sync.WaitGroup
	for range min(b.atOnce, len(boots)) {
		workers.Go(func() {
			for n := range next {
				s, err := b.sample(ctx, n)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				all.Runs = append(all.Runs, s)
				all.Meta.LoadAfter = loadAverage()
				fmt.Fprintln(os.Stderr, b.progress(len(all.Runs), len(boots), s))
				if b.out != "" {
					err = all.save(b.out)
				}
				mu.Unlock()
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for _, n := range boots {
		select {
		case next <- n:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

func (b *bench) progress(n, of int, s sample) string {
	line := fmt.Sprintf("[%d/%d] %s %s %s", n, of, s.Init, s.Workload, s.Variant)
	for _, f := range [][2]string{{"ready", "init_to_all_ready_s"}, {"respawn", "respawn_median_ms"}, {"reap", "orphans_reap_ms"}, {"off", "shutdown_guest_s"}} {
		if v, ok := s.Figures[f[1]]; ok {
			line += fmt.Sprintf(" %s=%v", f[0], v)
		}
	}
	line += fmt.Sprintf(" wall=%.0f", s.Host.Wall)
	if len(s.Host.Errors) > 0 {
		line += " " + strings.Join(s.Host.Errors, "; ")
	}
	return line
}
