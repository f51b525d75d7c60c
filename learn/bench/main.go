// Command bench measures what the observer costs, in QEMU on the clock that counts
// instructions, one nanosecond each: what a thing that a process does takes without
// hooks and with them, in turns in one machine, and how long the demo image takes to
// boot without the learning component, with it, and with it once boots are confirmed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/learn/status"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
	"clarityos/services/bus"
)

// limit bounds a boot, and every command.
const limit = 10 * time.Minute

func main() {
	rounds := flag.Int("rounds", 3, "how often each is measured")
	demo := flag.String("demo", "images/demo/clarity.toml", "the definition of the image that is booted")
	flag.Parse()
	if err := run(*rounds, *demo); err != nil {
		fmt.Fprintln(os.Stderr, "bench of the observer:", err)
		os.Exit(1)
	}
}

func run(rounds int, demo string) error {
	dir, err := os.MkdirTemp("", "clarity-learn-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	if err := events(ctx, dir, rounds); err != nil {
		return err
	}
	return boots(ctx, dir, rounds, demo)
}

// build makes an image.
func build(ctx context.Context, dir, definition string, o images.Override) (*images.Image, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	img, _, err := images.Build(ctx, definition, images.Options{Out: dir, Lock: filepath.Join(dir, "lock"), Fast: true, Override: o})
	return img, err
}

// booted calls use with a machine whose boot is complete.
func booted(ctx context.Context, img *images.Image, disk, words string, use func(context.Context, *qemu.Machine) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := qemu.Start(ctx, qemu.Config{Image: img, Append: words, Disk: disk, CPUs: 1, CountInstructions: true, NoReboot: true, AnyPorts: true})
	if err != nil {
		return err
	}
	defer m.Close()
	defer m.CutPower()
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return err
	}
	if _, err := shell(ctx, m, "clarityctl wait --timeout 120s"); err != nil {
		return err
	}
	return use(ctx, m)
}

func shell(ctx context.Context, m *qemu.Machine, script string) ([]byte, error) {
	res, err := m.Shell(ctx, script)
	if err == nil && !res.OK() {
		err = fmt.Errorf("it fails: %s%s", res.Stdout, res.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	return res.Stdout, nil
}

// events measures what each thing costs without hooks and with them.
func events(ctx context.Context, dir string, rounds int) error {
	img, err := build(ctx, dir, "learn/bench/clarity.toml", images.Override{})
	if err != nil {
		return err
	}
	var without, with figures
	err = booted(ctx, img, "", "", func(ctx context.Context, m *qemu.Machine) error {
		for range rounds {
			if err := with.load(ctx, m); err != nil {
				return err
			}
			if _, err := shell(ctx, m, "clarityctl stop clarity-learn && rm -r /sys/fs/bpf/clarity /run/clarity/learn.hooks"); err != nil {
				return err
			}
			if err := without.load(ctx, m); err != nil {
				return err
			}
			if _, err := shell(ctx, m, "clarityctl start clarity-learn"); err != nil {
				return err
			}
			st, err := learnStatus(ctx, m)
			if err != nil {
				return err
			}
			if len(st.Hooks.Live) == 0 || len(st.Hooks.Missing) > 0 {
				return fmt.Errorf("not all hooks are live: %+v", st.Hooks)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("instructions for one, medians of %d ± half of max-min\n%-10s %18s %18s %8s\n", rounds, "", "without hooks", "with hooks", "ratio")
	for _, name := range slices.Sorted(maps.Keys(without)) {
		fmt.Printf("%-10s %18s %18s %8.3f\n", name, show(without[name]), show(with[name]), statistics.Median(with[name])/statistics.Median(without[name]))
	}
	return nil
}

// learnStatus waits until the hooks are live, and the component answers.
func learnStatus(ctx context.Context, m *qemu.Machine) (st status.Status, err error) {
	const ask = "clarityctl learn status --json"
	if err := m.Await(ctx, limit, m.Succeeds(ask)); err != nil {
		return st, err
	}
	raw, err := shell(ctx, m, ask)
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(raw, &st)
}

// figures are what was measured, by name.
type figures map[string][]float64

func (f *figures) add(name string, v float64) {
	if *f == nil {
		*f = figures{}
	}
	(*f)[name] = append((*f)[name], v)
}

func (f *figures) load(ctx context.Context, m *qemu.Machine) error {
	// For some seconds after programs come or go the kernel works on them in the
	// background; sleeping costs nothing on this clock.
	out, err := shell(ctx, m, "sleep 20; load")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("load says %q: %w", line, err)
		}
		f.add(name, v)
	}
	return nil
}

// boots measures how long the demo image takes to be up, and what memory the reader
// has then.
func boots(ctx context.Context, dir string, rounds int, demo string) error {
	plain, err := build(ctx, filepath.Join(dir, "plain"), demo, images.Override{})
	if err != nil {
		return err
	}
	learns, err := build(ctx, filepath.Join(dir, "learns"), demo, images.Override{Overlays: []string{"learn/bench/learn.toml"}})
	if err != nil {
		return err
	}
	disk := filepath.Join(dir, "disk")
	if err := booted(ctx, plain, disk, "", func(context.Context, *qemu.Machine) error { return nil }); err != nil {
		return fmt.Errorf("the first boot, which makes the file system for /var: %w", err)
	}
	var took, memory figures
	for range rounds {
		for _, b := range []struct {
			name  string
			img   *images.Image
			words string
		}{{"without", plain, ""}, {"learning", learns, ""}, {"confirmed", learns, "clarity.learn=confirmed"}} {
			err := booted(ctx, b.img, disk, b.words, func(ctx context.Context, m *qemu.Machine) error {
				t, err := bootTook(ctx, m)
				if err != nil {
					return err
				}
				took.add(b.name, t.Seconds()*1000)
				if b.img != learns {
					return nil
				}
				st, err := learnStatus(ctx, m)
				if err != nil {
					return err
				}
				memory.add(b.name, float64(st.Memory)/1e6)
				return nil
			})
			if err != nil {
				return fmt.Errorf("boot %s: %w", b.name, err)
			}
		}
	}
	fmt.Printf("\nboot of the demo image, ms of %d boots ± half of max-min\n", rounds)
	for _, name := range []string{"without", "learning", "confirmed"} {
		fmt.Printf("%-10s %18s %8.3f", name, show(took[name]), statistics.Median(took[name])/statistics.Median(took["without"]))
		if memory[name] != nil {
			fmt.Printf("   the reader has %.1f MB PSS", statistics.Median(memory[name]))
		}
		fmt.Println()
	}
	return nil
}

// bootTook is how long the boot took from init's begin.
func bootTook(ctx context.Context, m *qemu.Machine) (took time.Duration, err error) {
	err = m.Await(ctx, limit, m.Prints("clarityctl events --topic boot.state --json", func(out string) error {
		var msg bus.Message
		if err := json.Unmarshal([]byte(out), &msg); err != nil {
			return fmt.Errorf("boot.state %q: %w", out, err)
		}
		b, err := bus.Decode(msg)
		if err != nil {
			return err
		}
		state := b.(*bus.BootState)
		if took = state.Took; took == 0 {
			return fmt.Errorf("the boot is %s", state.State)
		}
		return nil
	}))
	return took, err
}

func show(v []float64) string {
	return fmt.Sprintf("%.0f ± %.0f", statistics.Median(v), statistics.Spread(v)/2)
}
