package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

func (c *ctl) status() *cobra.Command {
	return &cobra.Command{
		Use:               "status [UNIT]",
		Short:             "The state of the system, or of one unit",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.unit,
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
				if err := c.print(r, func() string { return c.systemText(r) }); err != nil {
					return err
				}
				return outcome(r.Summary)
			}
			if err := c.print(r, func() string { return c.unitText(r) }); err != nil {
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
	if len(s.Failed) > 0 || len(s.Cycles) > 0 || len(s.Unhealthy) > 0 {
		return exit(exitDegraded)
	}
	return nil
}

func (c *ctl) systemText(r control.StatusReply) string {
	var b strings.Builder
	s := r.Summary
	colours := map[string]string{"running": green, "starting": yellow, "stopping": yellow, "degraded": red}
	fmt.Fprintf(&b, "state    %s\n", c.paint(colours[s.State], s.State))
	if s.BootTime > 0 {
		fmt.Fprintf(&b, "boot     %s reached %s after init began, %s after the kernel did\n",
			s.Default, round(s.BootTime-r.Kernel), round(s.BootTime))
	}
	fmt.Fprintf(&b, "up       %d units, for %s\n", s.Up, round(r.Now))
	if r.Watchdog != "" {
		fmt.Fprintf(&b, "watchdog %s\n", r.Watchdog)
	}
	for _, n := range s.Failed {
		fmt.Fprintf(&b, "failed   %s\n", c.paint(red, n))
	}
	for _, n := range s.Unhealthy {
		fmt.Fprintf(&b, "unhealthy %s\n", c.paint(red, n))
	}
	for _, n := range s.Cycles {
		fmt.Fprintf(&b, "cycle    %s\n", n)
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

func (c *ctl) unitText(r control.StatusReply) string {
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
	line("state", "%s for %s", c.paint(colour(u), fmt.Sprintf("%s (%s)", u.Active, u.Phase)), round(r.Now-u.Since))
	if u.Cause != "" {
		line("cause", "%s", u.Cause)
	}
	switch {
	case u.HealthCause != "":
		line("health", "%s: %s", u.Health, u.HealthCause)
	case u.Health != "":
		line("health", "%s", u.Health)
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
		line("memory", "%s", size(r.Memory))
	}
	if u.Restarts > 0 {
		line("restarts", "%d since it was last asked to start", u.Restarts)
	}
	if u.Abandoned {
		line("left", "processes of an earlier run that could not be killed")
	}
	return b.String()
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
			return c.print(r, func() string { return c.listText(r) })
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also units that nothing starts")
	return cmd
}

func (c *ctl) listText(r control.StatusReply) string {
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
	// Colours come last, since a column's width counts them.
	lines := strings.SplitAfter(b.String(), "\n")
	for i, u := range r.Units {
		if line := strings.TrimSuffix(lines[i+1], "\n"); colour(u) != "" {
			lines[i+1] = c.paint(colour(u), line) + "\n"
		}
	}
	lines[0] = c.paint(bold, strings.TrimSuffix(lines[0], "\n")) + "\n"
	return strings.Join(lines, "")
}
