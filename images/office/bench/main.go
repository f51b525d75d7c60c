// Command bench measures what learned needs are worth in the office: how long from the begin
// of PID 1 until all of its daemons do their work, when nothing is declared and they try
// again, when units declare what truth.txt says, and by what three boots have taught. The
// measured boots are on the clock that counts instructions, one nanosecond each, and begin
// with a copy of one data disk; the boots that teach are on the clock of this machine.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/images/office"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
	"clarityos/services/control"
)

// limit bounds a boot, and every command.
const limit = 20 * time.Minute

// lessons is how many boots teach.
const lessons = 3

func main() {
	rounds := flag.Int("rounds", 3, "how often each is booted")
	flag.Parse()
	if err := run(context.Background(), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench of the office:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int) error {
	dir, err := os.MkdirTemp("", "clarity-office-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	disk, again := filepath.Join(dir, "disk"), filepath.Join(dir, "again")
	declared := filepath.Join(dir, "declared.toml")
	if err := declare(declared, "images/office/truth.txt"); err != nil {
		return err
	}
	asItIs, err := build(ctx, filepath.Join(dir, "0"))
	if err != nil {
		return err
	}
	told, err := build(ctx, filepath.Join(dir, "1"), declared)
	if err != nil {
		return err
	}
	if err := teach(ctx, asItIs, disk); err != nil {
		return fmt.Errorf("boots that teach: %w", err)
	}
	variants := []struct {
		name  string
		img   *images.Image
		words string // on the kernel's command line
		took  []float64
	}{
		{name: "undeclared, tried again every 1 to 2 s", img: asItIs, words: "clarity.learn=off"},
		{name: "declared", img: told, words: "clarity.learn=off"},
		{name: "learned in three boots", img: asItIs},
	}
	for range rounds {
		for i := range variants {
			v := &variants[i]
			if out, err := exec.CommandContext(ctx, "cp", "--sparse=always", disk, again).CombinedOutput(); err != nil {
				return fmt.Errorf("copy the data disk: %w: %s", err, out)
			}
			cfg := qemu.Config{Image: v.img, Append: v.words, Disk: again, DiskSize: v.img.DataSize, Accel: qemu.TCG, CountInstructions: true, NoReboot: true, AnyPorts: true}
			t, err := boot(ctx, cfg)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.took = append(v.took, t.Seconds())
			fmt.Fprintf(os.Stderr, "%s: %v\n", v.name, t.Round(time.Millisecond))
		}
	}
	fmt.Printf("the office, %d boots each: from the begin of PID 1 until all daemons do their work\n", rounds)
	learned := statistics.Median(variants[len(variants)-1].took)
	for _, v := range variants {
		fmt.Printf("%-40s %6.2f ± %.2f s   learned is %.2fx\n", v.name, statistics.Median(v.took), statistics.Spread(v.took)/2, learned/statistics.Median(v.took))
	}
	return nil
}

// build makes the office's image, with a data disk, in dir.
func build(ctx context.Context, dir string, overlays ...string) (*images.Image, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	img, _, err := images.Build(ctx, "images/office/clarity.toml", images.Options{Out: dir, Lock: filepath.Join(dir, "lock"), Fast: true,
		Override: images.Override{Overlays: append([]string{"images/office/disk.toml"}, overlays...)}})
	return img, err
}

// declare writes an overlay in which every unit declares what the truth says that it uses.
func declare(path, truth string) error {
	f, err := os.Open(truth)
	if err != nil {
		return err
	}
	defer f.Close()
	uses, err := office.ReadTruth(f)
	if err != nil {
		return fmt.Errorf("%s: %w", truth, err)
	}
	owners := map[string][]string{}
	for _, u := range uses {
		if !slices.Contains(owners[u.User], u.Owner) {
			owners[u.User] = append(owners[u.User], u.Owner)
		}
	}
	var b bytes.Buffer
	b.WriteString("name = \"office\"\n")
	for user, of := range owners {
		fmt.Fprintf(&b, "\n[[dropin]]\nunit = %q\nname = \"truth.conf\"\ncontent = \"[Unit]\\nWants=%s\\nAfter=%[2]s\\n\"\n", user, strings.Join(of, " "))
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// teach boots the image several times with one data disk.
func teach(ctx context.Context, img *images.Image, disk string) error {
	for n := range lessons {
		m, err := qemu.Start(ctx, qemu.Config{Image: img, Disk: disk, DiskSize: img.DataSize, Accel: qemu.TCG, NoReboot: true, AnyPorts: true})
		if err != nil {
			return err
		}
		began := time.Now()
		_, err = works(ctx, m)
		if err == nil {
			err = m.PowerOff(ctx)
		}
		if err := errors.Join(err, m.Close()); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "lesson %d took %v\n", n+1, time.Since(began).Round(time.Second))
	}
	return nil
}

// boot gives how long it took from the begin of PID 1 until all daemons did their work.
func boot(ctx context.Context, cfg qemu.Config) (time.Duration, error) {
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	defer m.CutPower()
	last, err := works(ctx, m)
	if err != nil {
		return 0, err
	}
	var st control.StatusReply
	if err := m.JSON(ctx, "clarityctl status --json", &st); err != nil {
		return 0, err
	}
	return last - st.Kernel, nil
}

// works waits until each work of the office has come about, and gives when the last one did.
// To ask takes the processor from what is measured, so it is not done before the boot is
// complete.
func works(ctx context.Context, m *qemu.Machine) (last time.Duration, err error) {
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return 0, err
	}
	if err := m.Await(ctx, limit, m.Succeeds("clarityctl wait --timeout 900s && sleep 10")); err != nil {
		return 0, err
	}
	err = m.Await(ctx, limit, qemu.Eventually("all daemons to do their work", func(ctx context.Context) error {
		last = 0
		for _, w := range office.Works {
			res, err := m.Shell(ctx, "clarityctl logs -b -o json --no-pager -u "+w.Unit)
			if err != nil {
				return err
			}
			at, err := first(res.Stdout, w)
			if err != nil {
				return err
			}
			last = max(last, at)
		}
		return nil
	}))
	return last, err
}

// first gives when a work came about, on the clock of the boot.
func first(log []byte, w office.Work) (time.Duration, error) {
	lines := bufio.NewScanner(bytes.NewReader(log))
	for lines.Scan() {
		var r struct {
			Program string `json:"SYSLOG_IDENTIFIER"`
			Message string `json:"MESSAGE"`
			Micros  string `json:"__MONOTONIC_TIMESTAMP"`
		}
		if json.Unmarshal(lines.Bytes(), &r) == nil && w.Line.MatchString(r.Program+": "+r.Message) {
			us, err := strconv.ParseInt(r.Micros, 10, 64)
			return time.Duration(us) * time.Microsecond, err
		}
	}
	return 0, errors.Join(fmt.Errorf("%s has no line like /%s/", w.Unit, w.Line), lines.Err())
}
