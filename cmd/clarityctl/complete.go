package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/compile"
	"clarityos/services/control"
)

// completeMost bounds what a shell waits for when Tab is pressed.
const completeMost = 2 * time.Second

// units completes names of units, as PID 1 knows them.
func (c *ctl) units(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeMost)
	defer cancel()
	var r control.StatusReply
	if err := c.call(ctx, "List", nil, &r); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, u := range r.Units {
		if strings.HasPrefix(u.Name, begun) && !slices.Contains(args, u.Name) {
			out = append(out, u.Name+"\t"+u.Active)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// unit is units for commands that take one.
func (c *ctl) unit(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.units(cmd, args, begun)
}

// properties completes a unit, then what can be set of it.
func (c *ctl) properties(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return c.units(cmd, args, begun)
	}
	var out []string
	for _, name := range compile.LiveProperties() {
		out = append(out, name+"=")
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// words completes one of a few values of a flag.
func words(values ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}
