// Command bench measures what updates cost the services of a booted machine: how much longer
// redis's answers take while a release is fetched, compared with what is there, and written; and
// for how long redis does not answer when the machine restarts into a release, and when that one
// fails and the machine returns, against a plain restart. On the clock of this machine: one that
// counts instructions would run on while the guest waits for the web server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"clarityos/images"
	"clarityos/images/updatetest/publisher"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
)

// changed is how many bytes of a release the one before does not have.
const changed = 8 << 20

// limit bounds a boot, and every command.
const limit = 30 * time.Minute

func main() {
	rounds := flag.Int("rounds", 3, "how often each is measured")
	flag.Parse()
	if err := run(context.Background(), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench of updates of machines:", err)
		os.Exit(1)
	}
}

// releases are images by their versions: the first is what a machine has, the last one fails.
var releases = []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0"}

func run(ctx context.Context, rounds int) error {
	dir, err := os.MkdirTemp("", "clarity-updatebench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := publisher.New(dir, "images/updatetest/clarity.toml")
	if err != nil {
		return err
	}
	defer p.Close()
	var first *images.Image
	for i, version := range releases {
		var broken []string
		if i == len(releases)-1 {
			broken = []string{"images/updatetest/fails.toml"}
		}
		img, err := release(ctx, p, filepath.Join(dir, version), version, broken...)
		if err != nil {
			return fmt.Errorf("version %s: %w", version, err)
		}
		if first == nil {
			first = img
			continue
		}
		if err := p.Offer(ctx, img); err != nil {
			return fmt.Errorf("version %s: %w", version, err)
		}
	}
	disk := filepath.Join(dir, "disk")
	if err := first.WriteDisk(ctx, disk, images.DiskOptions{}); err != nil {
		return err
	}
	if err := latency(ctx, first, disk, rounds); err != nil {
		return fmt.Errorf("redis during an update: %w", err)
	}
	if err := outages(ctx, first, disk, rounds); err != nil {
		return fmt.Errorf("time out of service: %w", err)
	}
	return nil
}

// release builds a version with redis and bytes that no other version has.
func release(ctx context.Context, p *publisher.Publisher, dir, version string, overlays ...string) (*images.Image, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	own, overlay := filepath.Join(dir, "own"), filepath.Join(dir, "own.toml")
	b := make([]byte, changed)
	seed := [32]byte{}
	copy(seed[:], version)
	_, _ = rand.NewChaCha8(seed).Read(b)
	if err := os.WriteFile(own, b, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(overlay, fmt.Appendf(nil, "[[file]]\npath = \"/usr/share/own\"\nsource = %q\n", own), 0o600); err != nil {
		return nil, err
	}
	return p.Image(ctx, dir, version, "", append([]string{"images/updatetest/bench/redis.toml", overlay}, overlays...)...)
}

// row prints some values in a line, and gives their median.
func row(what string, values []float64, unit string) float64 {
	m := statistics.Median(values)
	fmt.Printf("  %-58s %8.3f %s (%.3f to %.3f, %d)", what, m, unit, slices.Min(values), slices.Max(values), len(values))
	return m
}

// up boots a machine until its boot is complete.
func up(ctx context.Context, cfg qemu.Config) (*qemu.Machine, error) {
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err = m.Await(ctx, limit, m.Succeeds("clarityctl wait --timeout 300s")); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// clone copies a disk, with its holes, to a path that one boot may write to.
func clone(ctx context.Context, disk string) (string, error) {
	copied := disk + ".copy"
	if err := os.RemoveAll(copied + ".vars"); err != nil { // the firmware's variables are the machine's
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "cp", "--sparse=always", disk, copied).CombinedOutput(); err != nil {
		return "", fmt.Errorf("copy %s: %w: %s", disk, err, out)
	}
	return copied, nil
}
