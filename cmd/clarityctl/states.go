package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

func (c *ctl) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status [UNIT]",
		Short: "The state of the system, or of one unit",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var a control.UnitArgs
			if len(args) == 1 {
				a.Unit = unitName(args[0])
			}
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "Status", a, &r); err != nil {
				return err
			}
			if a.Unit == "" {
				if err := c.print(r, func() string { return systemText(r) }); err != nil {
					return err
				}
				return outcome(r.Summary)
			}
			if err := c.print(r, func() string { return unitText(r) }); err != nil {
				return err
			}
			if r.Units[0].Active == "failed" {
				return exit(exitDegraded)
			}
			return nil
		},
	}
}

// outcome is what status and wait exit with.
func outcome(s supervisor.Summary) error {
	if len(s.Failed) > 0 || len(s.Cycles) > 0 {
		return exit(exitDegraded)
	}
	return nil
}

func systemText(r control.StatusReply) string {
	var b strings.Builder
	s := r.Summary
	fmt.Fprintf(&b, "state    %s\n", s.State)
	if s.BootTime > 0 {
		fmt.Fprintf(&b, "boot     %s reached %s after init began, %s after the kernel did\n",
			s.Default, round(s.BootTime-r.Kernel), round(s.BootTime))
	}
	fmt.Fprintf(&b, "up       %d units, for %s\n", s.Up, round(r.Now))
	if r.Watchdog != "" {
		fmt.Fprintf(&b, "watchdog %s\n", r.Watchdog)
	}
	for _, n := range s.Failed {
		fmt.Fprintf(&b, "failed   %s\n", n)
	}
	for _, c := range s.Cycles {
		fmt.Fprintf(&b, "cycle    %s\n", c)
	}
	for _, n := range s.Waiting {
		fmt.Fprintf(&b, "on its way  %s\n", n)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note     %s\n", n)
	}
	if len(s.Failed) > 0 {
		fmt.Fprintf(&b, "`clarityctl why UNIT` tells the cause, `clarityctl logs -u UNIT` what it said.\n")
	}
	return b.String()
}

func unitText(r control.StatusReply) string {
	u := r.Units[0]
	var b strings.Builder
	line := func(key, format string, args ...any) { fmt.Fprintf(&b, "%-9s%s\n", key, fmt.Sprintf(format, args...)) }
	line("unit", "%s", u.Name)
	if u.Description != u.Name && u.Description != "" {
		line("", "%s", u.Description)
	}
	for _, s := range u.Sources {
		line("file", "%s", s)
	}
	line("state", "%s (%s) for %s", u.Active, u.Phase, round(r.Now-u.Since))
	if u.Cause != "" {
		line("cause", "%s", u.Cause)
	}
	if u.Status != "" {
		line("status", "%s", u.Status)
	}
	if u.Job != "" {
		line("job", "%s", u.Job)
	}
	for _, w := range u.WaitsFor {
		line("waits for", " %s", w)
	}
	if u.Deadline > 0 {
		line("at most", "%s more", round(u.Deadline-r.Now))
	}
	if u.MainPID > 0 {
		line("main pid", "%d", u.MainPID)
	}
	if r.Tasks > 0 {
		line("tasks", "%d", r.Tasks)
	}
	if r.Memory > 0 {
		line("memory", "%.1f MiB", float64(r.Memory)/(1<<20))
	}
	if u.Restarts > 0 {
		line("restarts", "%d since it was last asked to start", u.Restarts)
	}
	if u.Abandoned {
		line("left", "processes of an earlier run that could not be killed")
	}
	return b.String()
}

// round makes a time span readable.
func round(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

func (c *ctl) list() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Units that boot starts, or that run or failed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
				return err
			}
			if !all {
				r.Units = slices.DeleteFunc(r.Units, func(u supervisor.View) bool { return !u.Enabled && u.Phase == supervisor.Dead })
			}
			return c.print(r, func() string { return listText(r) })
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also units that nothing starts")
	return cmd
}

func listText(r control.StatusReply) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "UNIT\tSTATE\tFOR\tPID\tWHAT")
	for _, u := range r.Units {
		state, since, pid, what := u.Active, "", "", u.Description
		if string(u.Phase) != u.Active && u.Phase != supervisor.Dead {
			state += " (" + string(u.Phase) + ")"
		}
		if u.Since > 0 {
			since = round(r.Now - u.Since)
		}
		if u.MainPID > 0 {
			pid = fmt.Sprint(u.MainPID)
		}
		if u.Active == "failed" || u.Phase == supervisor.Backoff {
			what = u.Cause
		}
		if len(u.WaitsFor) > 0 {
			what = "waits for " + strings.Join(u.WaitsFor, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Name, state, since, pid, what)
	}
	w.Flush()
	return b.String()
}

func (c *ctl) why() *cobra.Command {
	return &cobra.Command{
		Use:   "why UNIT",
		Short: "Why a unit is in its state: causes below their effects",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r control.WhyReply
			if err := c.ask(cmd.Context(), "Why", control.UnitArgs{Unit: unitName(args[0])}, &r); err != nil {
				return err
			}
			return c.print(r, func() string { return strings.Join(r.Lines, "\n") + "\n" })
		},
	}
}

// Blame is one line of blame: how long a unit took.
type Blame struct {
	Unit   string        `json:"unit"`
	Took   time.Duration `json:"took"`   // from leaving the queue to readiness
	Queued time.Duration `json:"queued"` // from being asked for to leaving the queue
	At     time.Duration `json:"at"`     // readiness, since init began
}

func (c *ctl) blame() *cobra.Command {
	return &cobra.Command{
		Use:   "blame",
		Short: "How long each unit took to start, slowest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
				return err
			}
			var lines []Blame
			for _, u := range r.Units {
				if u.Up > 0 && !strings.HasSuffix(u.Name, ".target") {
					lines = append(lines, Blame{u.Name, u.Up - u.Begun, max(u.Begun-u.Queued, 0), u.Up - r.Kernel})
				}
			}
			slices.SortFunc(lines, func(a, b Blame) int { return cmp.Compare(b.Took, a.Took) })
			return c.print(lines, func() string {
				var b strings.Builder
				w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
				fmt.Fprintln(w, "took\twaited\tup at\t unit")
				for _, l := range lines {
					fmt.Fprintf(w, "%s\t%s\t%s\t %s\n", round(l.Took), round(l.Queued), round(l.At), l.Unit)
				}
				w.Flush()
				return b.String()
			})
		},
	}
}

func (c *ctl) wait() *cobra.Command {
	var most time.Duration
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until the boot is complete",
		Long: `Wait until every job of the boot has ended. The exit status is 0 when every
enabled unit is up, 3 when one is not or their order has a cycle, 4 when the time ran out.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), most)
			defer cancel()
			var r control.StatusReply
			err := c.call(ctx, "Wait", nil, &r)
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				fmt.Fprintf(os.Stderr, "clarityctl: the boot is not complete after %v\n", most)
				if c.ask(cmd.Context(), "Status", nil, &r) == nil && len(r.Summary.Waiting) > 0 {
					fmt.Fprintf(os.Stderr, "on their way: %s\n", strings.Join(r.Summary.Waiting, ", "))
				}
				return exit(exitTimeout)
			}
			if err != nil {
				return err
			}
			if err := c.print(r, func() string { return systemText(r) }); err != nil {
				return err
			}
			return outcome(r.Summary)
		},
	}
	cmd.Flags().DurationVar(&most, "timeout", 5*time.Minute, "the longest wait")
	return cmd
}
