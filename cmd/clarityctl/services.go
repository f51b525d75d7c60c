package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/bus"
)

// Listener is where a unit can be found.
type Listener struct {
	bus.DiscoveryEndpoint
	Health string `json:"health,omitempty"`
}

// Services is who listens where, as the bus has it.
type Services struct {
	Listeners []Listener              `json:"listeners"`
	Conflicts []bus.DiscoveryConflict `json:"conflicts"`
}

func (c *ctl) services() *cobra.Command {
	return &cobra.Command{
		Use:   "services",
		Short: "Who listens where",
		Long: `Who listens where, since when, and whether it is well, as far as the learning
component sees it. Units that have wanted an address which another one has are
named.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r bus.KeptReply
			if err := c.askBus(cmd.Context(), "Kept", bus.Interest{Topics: []bus.Pattern{"discovery.*", "health.state"}}, &r); err != nil {
				return err
			}
			s, err := servicesOf(r.Messages)
			if err != nil {
				return err
			}
			return c.print(s, s.text)
		},
	}
}

func servicesOf(messages []bus.Message) (Services, error) {
	s := Services{Listeners: []Listener{}, Conflicts: []bus.DiscoveryConflict{}}
	health := map[string]string{}
	for _, m := range messages {
		b, err := bus.Decode(m)
		if err != nil {
			return s, err
		}
		switch b := b.(type) {
		case *bus.DiscoveryEndpoint:
			s.Listeners = append(s.Listeners, Listener{DiscoveryEndpoint: *b})
		case *bus.DiscoveryConflict:
			s.Conflicts = append(s.Conflicts, *b)
		case *bus.HealthState:
			health[b.Unit] = b.State
		}
	}
	for i := range s.Listeners {
		s.Listeners[i].Health = health[s.Listeners[i].Unit]
	}
	return s, nil
}

func (s Services) text() string {
	if len(s.Listeners) == 0 {
		return "Nobody is known to listen; images with `learn = true` see who does.\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range s.Listeners {
		since := "before it was seen"
		if l.Since > 0 {
			since = fmt.Sprintf("since %.3f s", l.Since.Round(time.Millisecond).Seconds())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Endpoint, l.Unit, since, l.Health)
	}
	_ = w.Flush() // into memory
	for _, x := range s.Conflicts {
		fmt.Fprintf(&b, "conflict: %s wants %s, which %s has\n", x.Wants, x.Endpoint, x.Holder)
	}
	return b.String()
}
