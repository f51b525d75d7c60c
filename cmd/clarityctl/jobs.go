package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// Change is how one job ended, for --json.
type Change struct {
	Unit string `json:"unit"`
	control.ChangeReply
}

func (c *ctl) change(verb supervisor.Verb, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(verb) + " UNIT…",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var results []Change
			var failed []error
			for _, arg := range args {
				r := Change{Unit: unitName(arg)}
				// The unit's own timeouts bound this wait.
				err := c.call(cmd.Context(), "Change", control.ChangeArgs{Verb: verb, Unit: r.Unit}, &r.ChangeReply)
				switch r.Outcome {
				case supervisor.OutcomeDone:
				case supervisor.OutcomeSkipped:
					fmt.Fprintf(os.Stderr, "clarityctl: %s was not started: %s\n", r.Unit, r.Message)
				case "":
				default:
					err = fmt.Errorf("%s of %s: %s: %s; `clarityctl why %s` tells more", verb, r.Unit, r.Outcome, r.Message, r.Unit)
				}
				failed = append(failed, err)
				results = append(results, r)
			}
			if err := c.print(results, func() string { return "" }); err != nil {
				return err
			}
			return errors.Join(failed...)
		},
	}
}

func (c *ctl) shutdown(kind supervisor.HaltKind, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(kind),
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.ask(cmd.Context(), "Shutdown", control.ShutdownArgs{Kind: kind}, nil)
		},
	}
}
