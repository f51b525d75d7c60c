package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
)

func (c *ctl) events() *cobra.Command {
	var follow bool
	var a control.EventsArgs
	var unit string
	var b busEvents
	cmd := &cobra.Command{
		Use:   "events",
		Short: "What has happened to units of late",
		Long: `What has happened to units, and what PID 1 said: the last of it, which is at most
256 events. Times are seconds since the kernel began. With --json, one object a line.

With --topic or --priority, what goes over the message bus: the states that are
kept there and, with --follow, what comes. A topic is words with dots between them,
with * for any word and ** at the end for any number.`,
		Example: `  clarityctl events -f -u nginx
  clarityctl events --topic 'unit.*' --topic health.state
  clarityctl events -f --priority high`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.asked() {
				if unit != "" || a.Last != 0 {
					return usageError{errors.New("--unit and --lines are for what PID 1 keeps; with --topic or --priority all that the bus keeps is shown")}
				}
				return c.busEvents(cmd.Context(), b, follow)
			}
			if unit != "" {
				a.Unit = unitName(unit)
			}
			if !follow {
				var r control.EventsReply
				if err := c.ask(cmd.Context(), "Events", a, &r); err != nil {
					return err
				}
				if c.json {
					return c.printEvents(r)
				}
				return c.print(nil, func() string {
					var b strings.Builder
					for _, e := range r.Events {
						b.WriteString(c.eventText(e) + "\n")
					}
					return b.String()
				})
			}
			conn, err := client.Dial(cmd.Context(), c.socket)
			if err != nil {
				return err
			}
			defer conn.Close()
			err = conn.Stream(cmd.Context(), "Events", a, func(raw json.RawMessage) error {
				var r control.EventsReply
				if err := json.Unmarshal(raw, &r); err != nil {
					return err
				}
				return c.printEvents(r)
			})
			if context.Cause(cmd.Context()) != nil {
				return nil // the person has seen enough
			}
			return err
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().StringVarP(&unit, "unit", "u", "", "only this unit")
	cmd.Flags().StringArrayVar(&b.topics, "topic", nil, "messages of the bus of these topics")
	cmd.Flags().StringVar(&b.priority, "priority", "", "messages of the bus that are no less urgent: critical, high, normal, low")
	cmd.Flags().IntVarP(&a.Last, "lines", "n", 0, "only the last N events")
	_ = cmd.RegisterFlagCompletionFunc("unit", c.units) // fails only without the flag
	return cmd
}

func (c *ctl) printEvents(r control.EventsReply) error {
	if r.Lost > 0 {
		fmt.Fprintf(os.Stderr, "clarityctl: %d events were lost, since they were not read in time\n", r.Lost)
	}
	enc := json.NewEncoder(os.Stdout)
	for _, e := range r.Events {
		var err error
		if c.json {
			err = enc.Encode(e)
		} else {
			_, err = fmt.Println(c.eventText(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *ctl) eventText(e control.Event) string {
	who := e.Unit
	if who == "" {
		who = "init"
	}
	text := e.Message
	switch e.Kind {
	case control.EventPhase:
		to := string(e.To)
		switch e.To.Active() {
		case "failed":
			to = c.paint(red, to)
		case "active":
			to = c.paint(green, to)
		}
		text = fmt.Sprintf("%s → %s", e.From, to)
		if e.Result != "" && e.Result != supervisor.Success {
			text += fmt.Sprintf(" (%s)", e.Result)
		}
		if e.Message != "" {
			text += ": " + e.Message
		}
	case control.EventHealth:
		text = string(e.Health)
		if e.Message != "" {
			text += ": " + e.Message
		}
	case control.EventJob:
		text = fmt.Sprintf("job %s", e.Outcome)
		if e.Message != "" {
			text += ": " + e.Message
		}
	}
	return fmt.Sprintf("[%9.3f] %s  %s", e.At.Seconds(), who, text)
}
