package main

import (
	"errors"

	"github.com/spf13/cobra"

	"clarityos/services/compile"
	"clarityos/services/control"
)

func (c *ctl) kill() *cobra.Command {
	var signal, who string
	cmd := &cobra.Command{
		Use:   "kill UNIT…",
		Short: "Send a signal to processes of units",
		Long: `Send a signal to processes of units. What their end means is the unit's to say:
a service with Restart= comes back. To have it stay down, stop it.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := compile.Signal(signal)
			if err != nil {
				return usageError{errors.New("--signal: " + err.Error() + "; it is a name such as TERM or a number from 1 to 64")}
			}
			switch who {
			case "all", "main", "control":
			default:
				return usageError{errors.New("--who: it is all, main or control, not " + who)}
			}
			var failed []error
			for _, arg := range args {
				failed = append(failed, c.ask(cmd.Context(), "Kill", control.KillArgs{Unit: unitName(arg), Signal: n, Who: who}, nil))
			}
			return errors.Join(failed...)
		},
	}
	cmd.Flags().StringVarP(&signal, "signal", "s", "TERM", "the signal, by `NAME` or number")
	cmd.Flags().StringVar(&who, "who", "all", "all processes of the unit, its main or its control process")
	_ = cmd.RegisterFlagCompletionFunc("who", words("all", "main", "control")) // fails only without the flag
	_ = cmd.RegisterFlagCompletionFunc("signal", words("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP"))
	return cmd
}

func (c *ctl) setProperty() *cobra.Command {
	var reset bool
	cmd := &cobra.Command{
		Use:   "set-property UNIT PROPERTY=VALUE…",
		Short: "Limit what a unit may use, while it runs",
		Long: `Set limits of a unit's use of memory, CPU, processes and devices, such as
MemoryMax=64M or CPUQuota=20%. They hold at once and at each later start, until
reload-plan or a reboot. --reset goes back to what the unit file says. The kernel begins
to count a unit's memory with its first limit: what it had before counts from its
next start on.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.properties,
		RunE: func(cmd *cobra.Command, args []string) error {
			a := control.SetPropertyArgs{Unit: unitName(args[0]), Reset: reset}
			if len(args) == 1 && !reset {
				return usageError{errors.New("set-property: give a PROPERTY=VALUE such as MemoryMax=64M, or --reset")}
			}
			if len(args) > 1 {
				var err error
				if a.Settings, err = compile.Settings(args[1:]); err != nil {
					return usageError{err}
				}
			}
			return c.ask(cmd.Context(), "SetProperty", a, nil)
		},
	}
	cmd.Flags().BoolVar(&reset, "reset", false, "undo what was set before")
	return cmd
}
