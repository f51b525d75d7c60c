package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
)

// Change is how one job ended, for --json.
type Change struct {
	Unit string `json:"unit"`
	control.ChangeReply
}

func (c *ctl) change(verb supervisor.Verb, short string) *cobra.Command {
	var noBlock, users bool
	var most time.Duration
	cmd := &cobra.Command{
		Use:   string(verb) + " UNIT…",
		Short: short,
		Long: short + `.

The job of each unit is awaited, which the unit's own timeouts bound; what takes
longer than a moment says what it waits for. The exit status is 1 when a job failed,
4 when --timeout ran out: the job goes on then.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.units,
		RunE: func(cmd *cobra.Command, args []string) error {
			if noBlock {
				return c.post(cmd.Context(), verb, args, users)
			}
			var results []Change
			var failed []error
			for _, arg := range args {
				r := Change{Unit: unitName(arg)}
				failed = append(failed, c.job(cmd.Context(), most, control.ChangeArgs{Verb: verb, Unit: r.Unit, Users: users}, &r))
				results = append(results, r)
			}
			if err := c.print(results, func() string { return "" }); err != nil {
				return err
			}
			return errors.Join(failed...)
		},
	}
	cmd.Flags().BoolVar(&noBlock, "no-block", false, "do not wait for the job")
	cmd.Flags().DurationVar(&most, "timeout", 0, "the longest wait for each unit; 0: as long as the unit may take")
	if verb == supervisor.VerbRestart {
		cmd.Flags().BoolVar(&users, "users", false, "restart with each unit all that use it, as far as it was learned: they stop before it and start after it")
	}
	if verb == supervisor.VerbIsolate {
		cmd.Use, cmd.Args = "isolate UNIT", cobra.ExactArgs(1)
	}
	return cmd
}

// job asks for a job and waits until it is over.
func (c *ctl) job(ctx context.Context, most time.Duration, a control.ChangeArgs, r *Change) error {
	limited := ctx
	if most > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	stop := c.telling(ctx, r.Unit)
	err := c.call(limited, "Change", a, &r.ChangeReply)
	stop()
	switch {
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		fmt.Fprintf(os.Stderr, "clarityctl: the %s of %s is not over after %v and goes on\n", a.Verb, r.Unit, most)
		c.tellWaits(ctx, r.Unit)
		return exit(exitTimeout)
	case r.Outcome == supervisor.OutcomeSkipped:
		fmt.Fprintf(os.Stderr, "clarityctl: %s was not started: %s\n", r.Unit, r.Message)
	case r.Outcome != supervisor.OutcomeDone && r.Outcome != "":
		return fmt.Errorf("%s of %s: %s: %s; `clarityctl why %s` tells more", a.Verb, r.Unit, r.Outcome, r.Message, r.Unit)
	}
	return err
}

// tellWaits says on stderr what a unit's job ("": the boot) waits for now.
func (c *ctl) tellWaits(ctx context.Context, unit string) {
	var r control.WhyReply
	if c.ask(ctx, "Why", control.UnitArgs{Unit: unit}, &r) == nil {
		for _, h := range r.Holding {
			fmt.Fprintf(os.Stderr, "waits for %s\n", h)
		}
	}
}

// post asks for jobs without waiting for them. That the units exist is made sure
// of first, since nobody answers.
func (c *ctl) post(ctx context.Context, verb supervisor.Verb, args []string, users bool) error {
	for _, arg := range args {
		a := control.UnitArgs{Unit: unitName(arg)}
		if err := c.ask(ctx, "Status", a, nil); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	for _, arg := range args {
		conn, err := client.Dial(ctx, c.socket)
		if err == nil {
			err = conn.Post(ctx, "Change", control.ChangeArgs{Verb: verb, Unit: unitName(arg), Users: users})
			conn.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
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
			stop := c.telling(cmd.Context(), "")
			var r control.StatusReply
			err := c.call(ctx, "Wait", nil, &r)
			stop()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				fmt.Fprintf(os.Stderr, "clarityctl: the boot is not complete after %v\n", most)
				if c.ask(cmd.Context(), "Status", nil, &r) == nil && len(r.Summary.Waiting) > 0 {
					fmt.Fprintf(os.Stderr, "on their way: %s\n", strings.Join(r.Summary.Waiting, ", "))
				}
				c.tellWaits(cmd.Context(), "")
				return exit(exitTimeout)
			}
			if err != nil {
				return err
			}
			if err := c.print(r, func() string { return c.systemText(r) }); err != nil {
				return err
			}
			return outcome(r.Summary)
		},
	}
	cmd.Flags().DurationVar(&most, "timeout", 5*time.Minute, "the longest wait")
	return cmd
}
