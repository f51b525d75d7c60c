package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/services/control"
)

func (c *ctl) show() *cobra.Command {
	var only []string
	var value, all bool
	cmd := &cobra.Command{
		Use:   "show UNIT…",
		Short: "Everything about units, as NAME=VALUE for programs",
		Long: `Everything about units: state, plan and what they use, as lines NAME=VALUE. Names are
those of systemctl show, where it has one. Empty values are left out unless they are
asked for by --property or --all. With --json, what PID 1 answers.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			var relations control.RelationsReply
			if err := c.ask(cmd.Context(), "Relations", nil, &relations); err != nil {
				return err
			}
			var replies []control.ShowReply
			var text []string
			for _, arg := range args {
				var r control.ShowReply
				if err := c.ask(cmd.Context(), "Show", control.UnitArgs{Unit: unitName(arg)}, &r); err != nil {
					return err
				}
				replies = append(replies, r)
				lines, err := choose(properties(r, relations.Units), only, all)
				if err != nil {
					return usageError{err}
				}
				text = append(text, propertyText(lines, value))
			}
			return c.print(replies, func() string { return strings.Join(text, "\n") })
		},
	}
	cmd.Flags().StringSliceVarP(&only, "property", "p", nil, "only these `NAMES`, in their order")
	cmd.Flags().BoolVar(&value, "value", false, "values without their names")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "empty values too")
	return cmd
}

// choose gives the properties that are wanted: all that have a value, all, or
// those that are named.
func choose(list []property, only []string, all bool) ([]property, error) {
	if len(only) == 0 {
		return slices.DeleteFunc(list, func(p property) bool { return p.value == "" && !all }), nil
	}
	var out []property
	for _, name := range only {
		i := slices.IndexFunc(list, func(p property) bool { return p.name == name })
		if i < 0 {
			var names []string
			for _, p := range list {
				names = append(names, p.name)
			}
			return nil, errors.New("--property: no property " + name + "; there are " + strings.Join(names, ", "))
		}
		out = append(out, list[i])
	}
	return out, nil
}

func propertyText(list []property, value bool) string {
	var b strings.Builder
	for _, p := range list {
		if value {
			fmt.Fprintln(&b, p.value)
		} else {
			fmt.Fprintf(&b, "%s=%s\n", p.name, p.value)
		}
	}
	return b.String()
}
