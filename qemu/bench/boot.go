package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"clarityos/qemu"
	"clarityos/qemu/bench/workload"
)

// system is a PID 1 to boot an image with.
type system struct {
	name string
	// boots gives what the kernel's command line says to have it.
	boots func(workload.Shape) string
}

var (
	ours  = system{"ClarityOS", func(workload.Shape) string { return "" }}
	floor = system{"floor", func(s workload.Shape) string {
		return "rdinit=" + workload.Load + " -- floor " + s.Name // the kernel hands it what follows the dashes
	}}
	inits = []system{ours, floor}
)

// figures are what one boot gave, by the names of package workload.
type figures map[string]float64

// boot boots the image once, until it has turned its power off.
func (b *bench) boot(ctx context.Context, img image, init system) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	console := filepath.Join(b.dir, "console")
	m, err := qemu.Start(ctx, qemu.Config{
		Image: img.Image, Append: init.boots(img.shape), CountInstructions: true,
		Console: console, Echo: b.echo, NoReboot: true,
	})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.Await(ctx, b.limit, m.PoweredOff()); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(console)
	if err != nil {
		return nil, err
	}
	f, err := readFigures(string(text))
	for _, r := range rows() {
		if _, has := f[r.figure]; err == nil && r.shape == img.shape.Name && !has {
			err = fmt.Errorf("the console does not tell %s", r.figure)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n--- console ---\n%s\n---", err, m.Console().Tail(40))
	}
	return f, nil
}

// stamp matches a line of the kernel's log on the console.
var stamp = regexp.MustCompile(`^\[ *(\d+\.\d+)\] (.*)$`)

// readFigures reads what the probe said, and takes the time of the power-off
// from the kernel's own lines.
func readFigures(console string) (figures, error) {
	f := figures{}
	at := map[string]float64{}
	for line := range strings.Lines(console) {
		line = strings.TrimSpace(line)
		if said, ok := strings.CutPrefix(line, workload.Mark); ok {
			name, value, _ := strings.Cut(said, " ")
			if name == workload.Failed {
				return nil, fmt.Errorf("the probe failed: %s", value)
			}
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, fmt.Errorf("the probe says %q: %w", said, err)
			}
			f[name] = number
		}
		if match := stamp.FindStringSubmatch(line); match != nil {
			seconds, err := strconv.ParseFloat(match[1], 64)
			if err != nil {
				return nil, fmt.Errorf("the kernel says %q: %w", line, err)
			}
			at[match[2]] = seconds
		}
	}
	begin, began := at[workload.PowerOffBegins]
	end, ended := at[workload.PowerOffEnds]
	if began && ended {
		f[workload.PowerOff] = (end - begin) * 1000
	}
	return f, nil
}
