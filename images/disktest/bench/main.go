// Command bench measures what it costs to boot from a disk: the same image as an initramfs
// with a data disk, and as a disk that UEFI boots. In QEMU on the clock that counts
// instructions, one nanosecond each; times are from the kernel's begin.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
	"clarityos/services/control"
)

// limit bounds a boot, and every command.
const limit = 10 * time.Minute

func main() {
	rounds := flag.Int("rounds", 3, "how often each is booted")
	definition := flag.String("f", "images/demo/clarity.toml", "the image's definition")
	flag.Parse()
	if err := run(context.Background(), *rounds, *definition); err != nil {
		fmt.Fprintln(os.Stderr, "bench of disks:", err)
		os.Exit(1)
	}
}

// times of one boot, in seconds.
type times struct{ init, complete float64 }

func run(ctx context.Context, rounds int, definition string) error {
	dir, err := os.MkdirTemp("", "clarity-diskbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	img, _, err := images.Build(ctx, definition, images.Options{Out: dir, Fast: true})
	if err != nil {
		return err
	}
	disk := filepath.Join(dir, "disk")
	began := time.Now()
	if err := img.WriteDisk(ctx, disk, images.DiskOptions{}); err != nil {
		return err
	}
	fmt.Printf("the disk of %s was written in %v\n", img.Name, time.Since(began).Round(100*time.Millisecond))
	var all [2][]times
	for range rounds {
		for i, cfg := range []qemu.Config{{Disk: filepath.Join(dir, "var"), DiskSize: img.DataSize}, {BootDisk: disk}} {
			cfg.Image, cfg.Accel, cfg.CountInstructions, cfg.NoReboot, cfg.AnyPorts = img, qemu.TCG, true, true, true
			t, err := boot(ctx, cfg)
			if err != nil {
				return err
			}
			all[i] = append(all[i], t)
		}
	}
	row := func(name string, of func(times) float64) {
		var medians [2]float64
		fmt.Printf("%-34s", name)
		for i, ts := range all {
			var values []float64
			for _, t := range ts {
				values = append(values, of(t))
			}
			medians[i] = statistics.Median(values)
			fmt.Printf("  %6.2f ± %.2f s", medians[i], statistics.Spread(values)/2)
		}
		fmt.Printf("  %.2fx\n", medians[1]/medians[0])
	}
	fmt.Printf("%d boots each, the first one makes /var%10s%18s\n", rounds, "initramfs", "disk")
	row("kernel's begin to PID 1 of the root", func(t times) float64 { return t.init })
	row("kernel's begin to boot complete", func(t times) float64 { return t.complete })
	return nil
}

// boot boots once, and asks the guest.
func boot(ctx context.Context, cfg qemu.Config) (t times, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return t, err
	}
	defer m.Close()
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return t, err
	}
	if res, err := m.Shell(ctx, "clarityctl wait --timeout 300s"); err != nil || !res.OK() {
		return t, fmt.Errorf("the boot did not complete: %v, %v", res, err)
	}
	res, err := m.Shell(ctx, "clarityctl status --json")
	if err != nil {
		return t, err
	}
	var st control.StatusReply
	if err := json.Unmarshal(res.Stdout, &st); err != nil {
		return t, err
	}
	t.init, t.complete = st.Kernel.Seconds(), st.Summary.BootTime.Seconds()
	return t, m.PowerOff(ctx)
}
