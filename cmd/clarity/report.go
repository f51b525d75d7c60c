package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/images"
	"clarityos/learn/report"
	"clarityos/qemu"
	"clarityos/qemu/agent"
)

// settleLimit is how long a guest may take from the end of its boot until it has settled
// and has told all: 30 s, and what a slow machine makes of them.
const settleLimit = 3 * time.Minute

// reportFlags are those of `clarity report`.
type reportFlags struct {
	machineFlags
	out   string
	value string // file of a report that was fetched earlier
	keep  string
	boots int
}

func newReport() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [IMAGE]",
		Short: "Boot an image in QEMU and write all that is known of the boot as one page",
		Long: `Boot the image in the folder IMAGE in QEMU, with a blank data disk and free host
ports, wait until the boot is complete and has settled, which takes 30 s more, and write
a page: the critical path, the time line of every unit with what it waited for, which
unit needs which and what speaks for it, profiles, and what differs from earlier boots.
It is one file for any browser, and loads nothing. With --boots N the machine boots N
times and the page is of the last one, which the others have taught. With --data FILE it
has that data disk, and what it knows from before.

With --json FILE no machine is started: the page is made of what
` + "`clarityctl analyze --report-json`" + ` gave on a machine (- is standard input).

The exit code is 0 if every enabled unit was up, 3 if some were not, 4 if the boot did
not complete in time, in which cases there is a page all the same, and 1 otherwise.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.value != "" && len(args) > 0:
				return errors.New("report: name an IMAGE to boot, or --json FILE, not both")
			case f.value == "" && len(args) == 0:
				return errors.New("report: name an IMAGE to boot, or give --json FILE")
			case f.value != "" && (c.Flags().Changed("boots") || f.keep != ""):
				return errors.New("report: --boots and --keep-json are for an IMAGE, not for --json")
			case f.boots < 1:
				return fmt.Errorf("report: --boots %d: it is 1 or more", f.boots)
			}
			if f.value != "" {
				r, err := readReport(f.value, c.InOrStdin())
				if err != nil {
					return err
				}
				return f.write(r, c.OutOrStdout())
			}
			return f.boot(c.Context(), args[0], c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.data, "data", "", "the data disk's `FILE` (default a blank one)")
	c.Flags().StringVarP(&f.out, "output", "o", "report.html", "the page's `FILE`, - for standard output")
	c.Flags().StringVar(&f.value, "json", "", "make the page of the report in `FILE`")
	c.Flags().StringVar(&f.keep, "keep-json", "", "keep what the page is made of in `FILE`")
	c.Flags().IntVar(&f.boots, "boots", 1, "boot `N` times")
	return c
}

// readReport reads what clarityctl gave.
func readReport(path string, in io.Reader) (*report.Report, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("read the report: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, report.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the report %s: %w", path, err)
	}
	r, err := report.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("the report %s: %w", path, err)
	}
	return r, nil
}

// write makes the page. Messages go to w unless the page does.
func (f *reportFlags) write(r *report.Report, w io.Writer) error {
	page, err := r.HTML()
	if err != nil {
		return err
	}
	if f.out == "-" {
		_, err := w.Write(page)
		return err
	}
	if err := renameio.WriteFile(f.out, page, 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	fmt.Fprintln(w, f.out)
	return nil
}

// boot boots the image and writes the page of its last boot.
func (f *reportFlags) boot(ctx context.Context, image string, out, messages io.Writer) error {
	img, err := images.Open(image)
	if err != nil {
		return err
	}
	cfg, err := f.config(img)
	if err != nil {
		return err
	}
	if cfg.Disk == "" && f.boots > 1 {
		return fmt.Errorf("report: --boots %d: what a boot teaches is kept on the data disk, and %s has none; give it one by --data-size 64M, or boot once", f.boots, image)
	}
	if cfg.Disk != "" && f.data == "" {
		folder, err := os.MkdirTemp("", "clarity-report-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		cfg.Disk = filepath.Join(folder, "data")
	}
	cfg.AnyPorts = true
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	r, text, outcome, err := f.repeat(ctx, m, messages)
	if err != nil {
		return err
	}
	if f.keep != "" {
		if err := renameio.WriteFile(f.keep, text, 0o644); err != nil {
			return fmt.Errorf("keep the report: %w", err)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(messages, "clarity:", n)
	}
	if err := f.write(r, out); err != nil {
		return err
	}
	if f.data != "" { // what was learned is to be on it
		off, cancel := context.WithTimeout(ctx, powerOffLimit)
		defer cancel()
		if err := m.PowerOff(off); err != nil {
			return err
		}
	}
	return outcome
}

// repeat boots as often as asked and gives the report of the last boot, also as JSON.
// The outcome is that of complete, as far as there is a report.
func (f *reportFlags) repeat(ctx context.Context, m *qemu.Machine, messages io.Writer) (r *report.Report, text []byte, outcome, err error) {
	for n := 1; n <= f.boots; n++ {
		if n > 1 {
			again, cancel := context.WithTimeout(ctx, f.timeout)
			err := m.Reboot(again)
			cancel()
			if err != nil {
				return nil, nil, nil, fmt.Errorf("boot %d of %d: %w", n, f.boots, err)
			}
		}
		outcome = complete(ctx, m, f.timeout)
		switch {
		case errors.Is(outcome, errNoAnswer):
			return nil, nil, nil, fmt.Errorf("boot %d of %d: %w", n, f.boots, noAnswer(outcome, m.Console().Boot()))
		case outcome != nil && outcome != bootDegraded && outcome != bootTimedOut:
			return nil, nil, nil, fmt.Errorf("boot %d of %d: %w", n, f.boots, outcome)
		}
		fmt.Fprintf(messages, "boot %d of %d %s\n", n, f.boots, bootWord(outcome))
		if r, text, err = askReport(ctx, m, outcome != bootTimedOut); err != nil {
			return nil, nil, nil, fmt.Errorf("boot %d of %d: %w", n, f.boots, err)
		}
		if outcome == bootTimedOut || r.Graph == nil {
			break // further boots would show nothing else
		}
	}
	return r, text, outcome, nil
}

// noAnswer says what to do about a machine that does not answer.
func noAnswer(err error, console []string) error {
	if parseConsole(console).complete != "" {
		return fmt.Errorf("%w, although it was complete: the image has no agent, or it has failed; boot it by `clarity run`, have it say `clarityctl analyze --report-json FILE`, and make the page of that by `clarity report --json FILE`", err)
	}
	return fmt.Errorf("%w; `clarity run --explain-boot IMAGE` says from the console what it waits for, and --timeout gives it longer", err)
}

// askReport asks the guest for its report.
func askReport(ctx context.Context, m *qemu.Machine, settle bool) (*report.Report, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	args := []string{"clarityctl", "analyze", "--report-json"}
	if settle {
		args = append(args, "--settle")
	}
	res, err := m.Run(ctx, agent.Command{Args: args})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, nil, fmt.Errorf("the guest has not told how its boot went in %v", settleLimit)
	case err != nil:
		return nil, nil, fmt.Errorf("ask the guest for its report: %w", err)
	case !res.OK() && strings.Contains(string(res.Stderr), "unknown flag"):
		return nil, nil, errors.New("the image's clarityctl gives no reports: build the image anew by `clarity build`")
	case !res.OK():
		return nil, nil, fmt.Errorf("ask the guest for its report: %v", res)
	}
	r, err := report.Decode(res.Stdout)
	if err != nil {
		return nil, nil, fmt.Errorf("the guest's report: %w", err)
	}
	return r, res.Stdout, nil
}
