package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/learn/status"
)

// learn is what a person asks the learning component.
func (c *ctl) learn() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "What the learning component sees",
		Long:  `What processes are seen to do. Who uses what of whom is on the bus: clarityctl events --topic 'dependency.*'.`,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "status",
		Short: "Which hooks are live, what they saw, and who listens where",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), answerMost)
			defer cancel()
			st, err := status.Ask(ctx, c.busSocket)
			if err != nil {
				return err
			}
			return c.print(st, func() string { return learnStatus(st) })
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use:               "acts UNIT",
		Short:             "What a unit executed, how its processes ended, whom it signalled, what it added to the machine",
		Long:              "What a unit was seen to do in this boot, each thing when it was seen for the first time.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), answerMost)
			defer cancel()
			r, err := status.AskActs(ctx, c.busSocket, unitName(args[0]))
			if err != nil {
				return err
			}
			return c.print(r, func() string { return actsText(r) })
		},
	})
	return cmd
}

func actsText(r status.ActsReply) string {
	var b strings.Builder
	for _, a := range r.Acts {
		fmt.Fprintf(&b, "[%9.3f] %s %s\n", a.At.Seconds(), a.What, a.Object)
	}
	return b.String()
}

func learnStatus(st status.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hooks     %d live: %s\n", len(st.Hooks.Live), strings.Join(st.Hooks.Live, " "))
	if len(st.Hooks.Probes) > 0 {
		fmt.Fprintf(&b, "probed    %d: %s\n", len(st.Hooks.Probes), strings.Join(st.Hooks.Probes, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(st.Hooks.Missing)) {
		fmt.Fprintf(&b, "missing   %s: %s\n", name, st.Hooks.Missing[name])
	}
	if st.Fallback != "" {
		fmt.Fprintf(&b, "instead   %s\n", st.Fallback)
	}
	fmt.Fprintf(&b, "seen      %d events, %d for the first time, %d of these lost\n", st.Counts.Events, st.Counts.Firsts, st.Counts.Lost)
	for _, name := range slices.Sorted(maps.Keys(st.Counts.Skipped)) {
		fmt.Fprintf(&b, "skipped   %s, %d times\n", name, st.Counts.Skipped[name])
	}
	fmt.Fprintf(&b, "told      %d uses, %d messages not sent yet\n", st.Uses, st.Unsent)
	if d := st.DBus; d.Connections > 0 {
		fmt.Fprintf(&b, "D-Bus     %d names, %d connections, %d calls, %d of these by unknown units", d.Names, d.Connections, d.Calls, d.Unknown)
		if d.Dropped > 0 {
			fmt.Fprintf(&b, ", no room for %d", d.Dropped)
		}
		if d.Away {
			b.WriteString("; there were too many calls, which are looked at again in some minutes")
		}
		b.WriteByte('\n')
	}
	if st.Dropped > 0 {
		fmt.Fprintf(&b, "dropped   %d, for which there was no room\n", st.Dropped)
	}
	for _, f := range st.Fill {
		fmt.Fprintf(&b, "table     %-9s %6d of %d\n", f.Table, f.Entries, f.Room)
	}
	fmt.Fprintf(&b, "cost      %v of CPU in %v (%.2g %%), %s of memory\n", round(st.CPU), round(st.Up), 100*float64(st.CPU)/float64(max(st.Up, 1)), size(st.Memory))
	if len(st.Endpoints) > 0 {
		b.WriteByte('\n')
	}
	for _, e := range st.Endpoints {
		fmt.Fprintf(&b, "%-32s %s\n", e.Endpoint, e.Unit)
	}
	return b.String()
}
