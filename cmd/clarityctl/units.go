package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/services/compile"
	"clarityos/services/control"
	"clarityos/services/plan"
)

func (c *ctl) cat() *cobra.Command {
	return &cobra.Command{
		Use:               "cat UNIT",
		Short:             "The unit's file and its drop-ins",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "Status", control.UnitArgs{Unit: unitName(args[0])}, &r); err != nil {
				return err
			}
			type file struct {
				Path string `json:"path"`
				Text string `json:"text"`
			}
			var files []file
			for _, p := range r.Units[0].Sources {
				text, err := compile.Source(os.DirFS("/"), p)
				if err != nil {
					return err
				}
				files = append(files, file{p, string(text)})
			}
			return c.print(files, func() string {
				var b strings.Builder
				for _, f := range files {
					fmt.Fprintf(&b, "# %s\n%s\n", f.Path, strings.TrimRight(f.Text, "\n"))
				}
				return b.String()
			})
		},
	}
}

func (c *ctl) verify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [UNIT…]",
		Short: "What in the unit files is unknown, wrong or not enforced",
		Long: `Compile the unit files of this machine as they are now, without using the
result, and name every directive that is unknown, makes no sense, refers to
nothing or is not enforced. The exit status is 1 when a unit could not start.`,
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(plan.Path)
			if err != nil {
				return err
			}
			old, err := plan.Decode(b, "")
			if err != nil {
				return err
			}
			p, err := compile.Again(os.DirFS("/"), old, nil, old.Instances)
			if err != nil {
				return err
			}
			wanted := map[string]bool{}
			for _, a := range args {
				wanted[unitName(a)] = true
			}
			findings, broken := []plan.Finding{}, false
			for _, f := range p.Findings {
				if len(wanted) == 0 || wanted[f.Unit] {
					findings = append(findings, f)
					broken = broken || f.Kind == plan.Invalid
				}
			}
			err = c.print(findings, func() string {
				var b strings.Builder
				for _, f := range findings {
					fmt.Fprintf(&b, "%s\n", f)
				}
				return b.String()
			})
			if err == nil && broken {
				err = exit(exitFailed)
			}
			return err
		},
	}
}

func (c *ctl) reloadPlan() *cobra.Command {
	return &cobra.Command{
		Use:     "reload-plan",
		Aliases: []string{"daemon-reload"},
		Short:   "Have PID 1 use the unit files as they are now",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.call(cmd.Context(), "ReloadPlan", nil, nil)
		},
	}
}
