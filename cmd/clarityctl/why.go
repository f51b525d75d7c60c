package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clarityos/services/control"
)

func (c *ctl) why() *cobra.Command {
	return &cobra.Command{
		Use:   "why UNIT",
		Short: "Why a unit is in its state: causes below their effects",
		Long: `Why a unit is in its state: what it waits for or what failed, each cause below its
effect, then what failed or waits because of it, and what can be done next.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			var r control.WhyReply
			if err := c.ask(cmd.Context(), "Why", control.UnitArgs{Unit: unitName(args[0])}, &r); err != nil {
				return err
			}
			return c.print(r, func() string { return strings.Join(r.Lines, "\n") + "\n" })
		},
	}
}
