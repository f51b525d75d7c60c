package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/services/compile"
	"clarityos/services/plan"
)

func newUnits() *cobra.Command {
	cmd := &cobra.Command{Use: "units", Short: "Check and compile the unit files of a root tree"}
	cmd.AddCommand(newUnitsCheck(), newUnitsCompile())
	return cmd
}

// errInvalid says that a unit could not start; the findings were printed.
var errInvalid = errors.New("some units could not start")

func newUnitsCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check ROOT",
		Short: "Name what is unknown, wrong or not enforced in the units below ROOT",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := compileRoot(args[0], compile.Options{})
			if err != nil {
				return err
			}
			broken := false
			for _, f := range p.Findings {
				fmt.Fprintln(cmd.OutOrStdout(), f)
				broken = broken || f.Kind == plan.Invalid
			}
			if broken {
				return errInvalid
			}
			return nil
		},
	}
}

func newUnitsCompile() *cobra.Command {
	var out string
	var opts compile.Options
	cmd := &cobra.Command{
		Use:   "compile ROOT",
		Short: "Compile the units below ROOT into the plan that init reads",
		Long: `Compile the units below ROOT into the plan that init reads, for images that
something else puts together: the plan belongs at ` + plan.Path + `.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := compileRoot(args[0], opts)
			if err != nil {
				return err
			}
			b, err := plan.Encode(p)
			if err != nil {
				return err
			}
			for _, f := range p.Findings {
				fmt.Fprintln(cmd.ErrOrStderr(), f)
			}
			return renameio.WriteFile(out, b, 0o644)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "plan", "file to write")
	cmd.Flags().StringSliceVar(&opts.System.Components, "components", nil, "roles of clarityd that run: log, devices, setup, network, agent")
	cmd.Flags().StringSliceVar(&opts.Enable, "enable", nil, "units that boot starts besides those that the root enables")
	return cmd
}

func compileRoot(root string, opts compile.Options) (*plan.Plan, error) {
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", root)
	}
	return compile.Root(os.DirFS(root), opts)
}
