package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/services/control"
)

func (c *ctl) analyze() *cobra.Command {
	var svg, page, value, settle bool
	var file string
	cmd := &cobra.Command{
		Use:   "analyze [FILE]",
		Short: "How long the boot took, in a line, as a chart or as a page",
		Long: `How long the kernel and init took. With --svg, a chart of the boot: for each unit
how long it waited, started and ran, and how much CPU time it used until it was up.

With --html, all that is known of the boot as one page, for any browser and without a
network: the critical path, the time line of every unit with what it waited for, which
unit needs which and what speaks for it, profiles, and what differs from earlier boots.
With --report-json, the same as JSON, from which ` + "`clarity report --json`" + ` makes the page
on another machine. With --settle they wait until the boot has settled, 30 s after it
was complete: only then may services try what they need.

They go to FILE, or to standard output.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && file != "":
				return usageError{errors.New("analyze: name FILE once, with or without --output")}
			case len(args) == 1:
				file = args[0]
			}
			if file != "" && !svg && !page && !value {
				return usageError{errors.New("analyze: a FILE is for --svg, --html or --report-json")}
			}
			if settle && !page && !value {
				return usageError{errors.New("analyze: --settle is for --html and --report-json")}
			}
			if !svg && !page && !value {
				var r control.StatusReply
				if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
					return err
				}
				t := BootTimes{r.Kernel, max(r.Summary.BootTime-r.Kernel, 0), r.Summary.BootTime, r.Summary.Default}
				return c.print(t, t.text)
			}
			out, err := c.analysis(cmd.Context(), svg, page, settle)
			if err != nil {
				return err
			}
			if file != "" {
				return renameio.WriteFile(file, out, 0o644)
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	}
	cmd.Flags().BoolVar(&svg, "svg", false, "draw a chart, as SVG")
	cmd.Flags().BoolVar(&page, "html", false, "make a page of all that is known of the boot")
	cmd.Flags().BoolVar(&value, "report-json", false, "give what the page is made of")
	cmd.Flags().BoolVar(&settle, "settle", false, "wait until the boot has settled")
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to `FILE`")
	cmd.MarkFlagsMutuallyExclusive("svg", "html", "report-json")
	return cmd
}

// analysis gives the chart, the page or the value that it is made of.
func (c *ctl) analysis(ctx context.Context, svg, page, settle bool) ([]byte, error) {
	if svg {
		var r control.StatusReply
		if err := c.ask(ctx, "List", nil, &r); err != nil {
			return nil, err
		}
		return []byte(chart(r)), nil
	}
	if settle {
		if err := c.settled(ctx); err != nil {
			return nil, err
		}
	}
	r, err := c.report(ctx)
	if err != nil {
		return nil, err
	}
	if page {
		return r.HTML()
	}
	return json.MarshalIndent(r, "", " ")
}

// BootTimes are how long a boot took; Init and All are 0 until it is complete.
type BootTimes struct {
	Kernel time.Duration `json:"kernel"` // until init was executed
	Init   time.Duration `json:"init"`   // from then on until the boot's last job ended
	All    time.Duration `json:"all"`
	Target string        `json:"target"`
}

func (t BootTimes) text() string {
	if t.All == 0 {
		return fmt.Sprintf("the kernel took %s; the boot is not complete\n", round(t.Kernel))
	}
	return fmt.Sprintf("the boot took %s: kernel %s, init to %s %s\n", round(t.All), round(t.Kernel), t.Target, round(t.Init))
}
