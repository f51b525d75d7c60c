package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/agent"
)

// powerOffLimit is how long a guest may take to power off in good order.
const powerOffLimit = 90 * time.Second

// exitStatus is the exit code of a command whose outcome has been told.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// machineFlags are the flags that say which machine an image gets.
type machineFlags struct {
	forwards []string
	memory   int
	cpus     int
	append   string
	data     string
	dataSize string
	noData   bool
	console  string
	timeout  time.Duration
}

func (f *machineFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.forwards, "forward", nil, "forward `HOST:GUEST`, TCP ports; 127.0.0.1 only; HOST 0 is any free port")
	c.Flags().IntVar(&f.memory, "memory", 0, "memory in `MIB` (default the image's)")
	c.Flags().IntVar(&f.cpus, "cpus", 0, "number of CPUs (default the image's)")
	c.Flags().StringVar(&f.append, "append", "", "add `TEXT` to the kernel command line")
	c.Flags().StringVar(&f.dataSize, "data-size", "", "grow the data disk to `SIZE`, such as 512M or 4G; also gives a disk to an image that asks for none")
	c.Flags().BoolVar(&f.noData, "no-data", false, "leave the data disk out")
	c.Flags().StringVar(&f.console, "console", "", "keep the console in `FILE`")
	c.Flags().DurationVar(&f.timeout, "timeout", 3*time.Minute, "how long the boot may take")
}

// config is the machine for an image.
func (f *machineFlags) config(img *images.Image) (qemu.Config, error) {
	cfg := qemu.Config{Image: img, Append: f.append, Memory: f.memory, CPUs: f.cpus, Console: f.console}
	for _, text := range f.forwards {
		forward, err := parseForward(text)
		if err != nil {
			return cfg, err
		}
		cfg.Forwards = append(cfg.Forwards, forward)
	}
	size := img.DataSize
	if f.dataSize != "" {
		var err error
		if size, err = parseSize(f.dataSize); err != nil {
			return cfg, err
		}
	}
	if !f.noData && (img.Data || f.data != "" || f.dataSize != "") {
		cfg.Disk, cfg.DiskSize = f.data, size
		if cfg.Disk == "" {
			cfg.Disk = filepath.Clean(img.Dir) + ".data"
		}
	}
	return cfg, nil
}

func newRun() *cobra.Command {
	var f machineFlags
	var explained bool
	c := &cobra.Command{
		Use:   "run IMAGE",
		Short: "Boot an image in QEMU, to its console or to a summary",
		Long: `Boot the image in the folder IMAGE in QEMU.

With a terminal on stdin, the terminal becomes the machine's console. Without
one, wait until the boot is complete, print the state of the units and a summary
of the boot, and power off. Then the exit code is 0 if every enabled unit is
up, 3 if some are not, 4 if the boot did not complete in time, 1 otherwise.

With --explain-boot, and with or without a terminal, wait until the boot is complete
or cannot go on, and say from the console alone, needing nothing in the image, which
unit holds it or failed, and why. The exit codes are the same.

The data disk is the file IMAGE.data, unless --data names another one; it lasts
from run to run. CLARITY_ACCEL=tcg|kvm|auto says how instructions are run.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			img, err := images.Open(args[0])
			if err != nil {
				return err
			}
			cfg, err := f.config(img)
			if err != nil {
				return err
			}
			if explained {
				return explainBoot(c.Context(), cfg, f.timeout, c.OutOrStdout())
			}
			if term.IsTerminal(int(os.Stdin.Fd())) {
				return runOnTerminal(c.Context(), cfg, os.Stdin, os.Stdout)
			}
			return runToSummary(c.Context(), cfg, f.timeout, c.OutOrStdout())
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.data, "data", "", "the data disk's `FILE` (default IMAGE.data)")
	c.Flags().BoolVar(&explained, "explain-boot", false, "say what keeps the boot from being complete")
	return c
}

// announce prints what a person wants to know of a machine that is on.
func announce(w io.Writer, m *qemu.Machine, cfg qemu.Config) {
	fmt.Fprintf(w, "%s (%s), under %s\r\n", cfg.Image.Name, cfg.Image.Arch, m.Accel())
	for _, p := range m.Forwards() {
		fmt.Fprintf(w, "127.0.0.1:%d is the guest's port %d\r\n", p.Host, p.Guest)
	}
	if cfg.Disk != "" {
		fmt.Fprintf(w, "data disk: %s\r\n", cfg.Disk)
	}
}

// runToSummary boots, reports and powers off. The outcome is an exitStatus or
// another error.
func runToSummary(ctx context.Context, cfg qemu.Config, limit time.Duration, w io.Writer) error {
	started := time.Now()
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	announce(newlines{w}, m, cfg)
	outcome := complete(ctx, m, limit)
	if errors.Is(outcome, qemu.ErrOff) || errors.Is(outcome, errNoAnswer) {
		return outcome // there is nobody to ask
	}
	fmt.Fprintf(w, "boot %s after %.1f s\n", bootWord(outcome), time.Since(started).Seconds())
	for _, report := range [][]string{{"status"}, {"blame"}} {
		fmt.Fprintf(w, "\n$ clarityctl %s\n", strings.Join(report, " "))
		if err := show(ctx, m, w, report); err != nil {
			fmt.Fprintf(w, "(%v)\n", err)
		}
	}
	off, cancel := context.WithTimeout(ctx, powerOffLimit)
	defer cancel()
	if err := m.PowerOff(off); err != nil {
		return err
	}
	fmt.Fprintln(w, "\npowered off")
	return outcome
}

// reportLimit is how long a report of a booted guest may take.
const reportLimit = time.Minute

// show prints what clarityctl says in the guest.
func show(ctx context.Context, m *qemu.Machine, w io.Writer, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, reportLimit)
	defer cancel()
	// The exit code repeats the outcome, which is known already.
	_, err := m.Run(ctx, agent.Command{Args: append([]string{"clarityctl"}, args...), Stdout: w, Stderr: w})
	return err
}

// The outcomes of a boot, which are also what `clarityctl wait` exits with.
const (
	bootDegraded = exitStatus(3)
	bootTimedOut = exitStatus(4)
)

// errNoAnswer says that the guest did not come as far as its agent.
var errNoAnswer = errors.New("the boot did not come as far as the agent")

// complete waits until every enabled unit is up or has failed for good. The
// error is bootDegraded, bootTimedOut, or wraps qemu.ErrOff or errNoAnswer.
func complete(ctx context.Context, m *qemu.Machine, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	left := max(time.Second, time.Until(deadline)).Round(time.Second)
	// The guest's clock ends the wait; ours is there in case it does not.
	ctx, cancel := context.WithTimeout(ctx, left+reportLimit)
	defer cancel()
	res, err := m.Run(ctx, agent.Command{Args: []string{"clarityctl", "wait", "--timeout", left.String()}})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return bootTimedOut
	case err != nil:
		return fmt.Errorf("%w: %w\n%s", qemu.ErrOff, err, m.Console().Tail(40))
	case res.OK():
		return nil
	case res.Code == int(bootDegraded), res.Code == int(bootTimedOut):
		return exitStatus(res.Code)
	}
	return fmt.Errorf("%w: clarityctl wait: %v", errNoAnswer, res)
}

func bootWord(outcome error) string {
	switch outcome {
	case nil:
		return "complete"
	case bootDegraded:
		return "complete, but degraded,"
	}
	return "not complete"
}

// newlines undoes the carriage returns that a raw terminal needs.
type newlines struct{ w io.Writer }

func (n newlines) Write(p []byte) (int, error) {
	_, err := n.w.Write(bytes.ReplaceAll(p, []byte("\r"), nil))
	return len(p), err
}

// parseForward reads HOST:GUEST, or one port for both.
func parseForward(text string) (images.Forward, error) {
	left, right, two := strings.Cut(text, ":")
	if !two {
		right = left
	}
	host, err := strconv.ParseUint(left, 10, 16)
	guest, err2 := strconv.ParseUint(right, 10, 16)
	if err != nil || err2 != nil || guest == 0 {
		return images.Forward{}, fmt.Errorf("--forward %s: it is HOST:GUEST, with ports from 1 to 65535 (HOST 0: any)", text)
	}
	return images.Forward{Host: int(host), Guest: int(guest)}, nil
}

// parseSize reads a number of bytes, or of KiB, MiB, GiB or TiB by K, M, G, T.
func parseSize(text string) (uint64, error) {
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseUint(strings.TrimSuffix(text, unit), 10, 64)
	shift, known := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[unit]
	if err != nil || !known || n == 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("size %q: it is a number of bytes, or one with K, M, G or T, such as 512M", text)
	}
	return n << shift, nil
}
