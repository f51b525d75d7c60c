package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/log"
	"clarityos/services/supervisor"
)

// reportMost bounds the report, since a shell waits behind it; reportUnits and
// reportLines are how much it tells.
const (
	reportMost  = 10 * time.Second
	reportUnits = 5
	reportLines = 5
)

// rescueReport is what PID 1 runs before a rescue shell.
func (c *ctl) rescueReport() *cobra.Command {
	return &cobra.Command{
		Use:   "rescue-report",
		Short: "What keeps the boot from going on, and what to type next",
		Long: `What failed, why, what it said last and what to type next: what a rescue shell
opens with.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), reportMost)
			defer cancel()
			var list control.StatusReply
			var why control.WhyReply
			if err := c.ask(ctx, "List", nil, &list); err != nil {
				return err
			}
			if err := c.ask(ctx, "Why", control.UnitArgs{}, &why); err != nil {
				return err
			}
			r := Report{Failed: []Failure{}, Holding: why.Holding, Target: list.Summary.Default}
			for _, u := range list.Units {
				if u.Active != "failed" || u.Result == supervisor.Dependency {
					continue // of the latter their cause tells
				}
				f := Failure{Unit: u.Name}
				if len(r.Failed) < reportUnits {
					if err := c.ask(ctx, "Why", control.UnitArgs{Unit: u.Name}, &why); err != nil {
						return err
					}
					f.Why, f.Said = why.Lines, lastSaid(ctx, u.Name)
				}
				r.Failed = append(r.Failed, f)
			}
			return c.print(r, r.text)
		},
	}
}

// Report is what keeps the boot from going on.
type Report struct {
	Failed  []Failure         `json:"failed"`
	Holding []supervisor.Hold `json:"holding,omitempty"` // what is still under way
	Target  string            `json:"target"`            // what boot starts
}

// Failure is a unit that failed by itself; of the first few more is told.
type Failure struct {
	Unit string   `json:"unit"`
	Why  []string `json:"why,omitempty"`
	Said []string `json:"said,omitempty"` // the last lines of its log
}

// lastSaid gives the last lines of a unit's log in this boot; none when there is
// no log to read.
func lastSaid(ctx context.Context, unit string) []string {
	boot, err := log.CurrentBoot()
	if err != nil {
		return nil
	}
	var said []string
	for r, err := range log.Read(ctx, logDir, log.Query{Unit: unit, Boot: boot, Lines: reportLines}) {
		if err == nil { // what is damaged is passed over
			said = append(said, strings.TrimRight(r.Message, "\n"))
		}
	}
	return said
}

func (r Report) text() string {
	var b strings.Builder
	if len(r.Failed) > 0 {
		b.WriteString("These units failed:\n")
	}
	for _, f := range r.Failed[:min(len(r.Failed), reportUnits)] {
		for _, l := range f.Why {
			if !strings.HasPrefix(l, "next: ") { // that comes below, once
				fmt.Fprintf(&b, "  %s\n", l)
			}
		}
		for _, l := range f.Said {
			fmt.Fprintf(&b, "    | %s\n", l)
		}
	}
	if n := len(r.Failed) - reportUnits; n > 0 {
		fmt.Fprintf(&b, "  and %d more\n", n)
	}
	for _, h := range r.Holding {
		fmt.Fprintf(&b, "Still under way: %s\n", h)
	}
	b.WriteString("What to type next:\n")
	line := func(command, what string) { fmt.Fprintf(&b, "  %-40s %s\n", command, what) }
	if len(r.Failed) > 0 {
		first := r.Failed[0].Unit
		line("clarityctl why "+first, "why it failed")
		line("clarityctl logs -u "+first, "all that it said")
		line("clarityctl start "+first, "try it again")
	} else {
		line("clarityctl status", "what PID 1 knows")
		line("clarityctl logs -n 30", "what was said last")
	}
	if r.Target != "" {
		line("clarityctl start "+r.Target, "go on with the boot")
	}
	line("exit", "restart the machine")
	return b.String()
}
