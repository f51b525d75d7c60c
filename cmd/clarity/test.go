package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/checks"
)

// The exit codes of `clarity test`.
const (
	someFailed = exitStatus(1)
	noBoot     = exitStatus(2)
)

func newTest() *cobra.Command {
	var f machineFlags
	var script, junit string
	c := &cobra.Command{
		Use:   "test IMAGE --script FILE",
		Short: "Boot an image in QEMU and run checks in it",
		Long: `Boot the image in the folder IMAGE in QEMU, with a blank data disk and free host
ports, wait until the boot is complete, and run the checks of a script. The
results go to stdout as TAP, and to --junit FILE as JUnit XML. The exit code is 0
if all checks passed, 1 if one failed, 2 if the image did not boot or the
script is wrong.

` + checks.Help,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := runTest(c.Context(), args[0], script, junit, f)
			var status exitStatus
			if err != nil && !errors.As(err, &status) {
				fmt.Fprintln(os.Stderr, "clarity:", err)
				return noBoot
			}
			return err
		},
	}
	f.add(c)
	c.Flags().StringVar(&script, "script", "", "the `FILE` with the checks")
	c.Flags().StringVar(&junit, "junit", "", "write JUnit XML to `FILE`")
	_ = c.MarkFlagRequired("script") // the flag is there: see the line above
	return c
}

// runTest returns nil, someFailed, or why nothing could be tested.
func runTest(ctx context.Context, image, scriptPath, junit string, f machineFlags) error {
	text, err := os.ReadFile(scriptPath)
	if err != nil {
		return fmt.Errorf("read script: %w", err)
	}
	script, err := checks.Parse(scriptPath, string(text))
	if err != nil {
		return err
	}
	img, err := images.Open(image)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "clarity-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	f.data = ""
	cfg, err := f.config(img)
	if err != nil {
		return err
	}
	if cfg.Disk != "" {
		cfg.Disk = filepath.Join(folder, "data")
	}
	cfg.AnyPorts, cfg.Flushless = true, true

	tap, err := checks.NewTAP(os.Stdout, len(script.Checks)+1)
	if err != nil {
		return err
	}
	started := time.Now()
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		_ = tap.BailOut(err.Error()) // the error says it too
		return err
	}
	defer m.Close()
	bench := tested{m, f.timeout, script.Degraded}

	booted := checks.Outcome{Name: "boot is complete"}
	err = bench.complete(ctx)
	booted.Took = time.Since(started)
	if err != nil {
		booted.Failed = err.Error()
	}
	outcomes := []checks.Outcome{booted}
	if err := tap.Add(booted); err != nil {
		return err
	}
	var status exitStatus
	dead := err != nil && !errors.As(err, &status)
	for _, check := range script.Checks {
		if dead {
			break
		}
		o := checks.Run(ctx, bench, check)
		outcomes = append(outcomes, o)
		if err := tap.Add(o); err != nil {
			return err
		}
	}
	if dead {
		_ = tap.BailOut(err.Error())
	}
	if junit != "" {
		var b bytes.Buffer
		if err := checks.WriteJUnit(&b, img.Name, outcomes, m.Console().Tail(200)); err != nil {
			return err
		}
		if err := renameio.WriteFile(junit, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", junit, err)
		}
	}
	if dead {
		return noBoot
	}
	for _, o := range outcomes {
		if o.Failed != "" {
			fmt.Fprintf(os.Stderr, "--- console ---\n%s\n", m.Console().Tail(60))
			return someFailed
		}
	}
	return nil
}

// tested is the machine as checks see it.
type tested struct {
	*qemu.Machine
	limit    time.Duration
	degraded bool
}

// complete waits until the boot is complete, as good as the script wants it.
func (t tested) complete(ctx context.Context) error {
	err := complete(ctx, t.Machine, t.limit)
	switch {
	case err == bootDegraded && t.degraded:
		return nil
	case err == bootDegraded:
		return fmt.Errorf("not every enabled unit is up: %w", err)
	case err == bootTimedOut:
		return fmt.Errorf("it is not complete after %v: %w", t.limit, err)
	}
	return err
}

// Reboot implements checks.Machine.
func (t tested) Reboot(ctx context.Context) error {
	if err := t.Machine.Reboot(ctx); err != nil {
		return err
	}
	return t.complete(ctx)
}

// PowerCycle implements checks.Machine.
func (t tested) PowerCycle(ctx context.Context) error {
	t.CutPower()
	if err := t.PowerOn(); err != nil {
		return err
	}
	return t.complete(ctx)
}

// Console implements checks.Machine.
func (t tested) Console(ctx context.Context, line *regexp.Regexp) error {
	return t.Await(ctx, t.limit, t.ConsoleLine(line.String()))
}
