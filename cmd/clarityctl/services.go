package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/bus"
	"clarityos/services/discovery"
)

// Services is who listens where, as the bus has it.
type Services struct {
	Listeners []discovery.Entry       `json:"listeners"`
	Conflicts []bus.DiscoveryConflict `json:"conflicts"`
}

func (c *ctl) services() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "services",
		Short: "Who listens where",
		Long: `Who listens where, under which unit, since when, and whether it is well, as far as
the learning component sees it. The protocol is a guess. Units that have wanted an
address which another one has are named. With --watch each change is a line, until it
is interrupted: + for what came, - for what went, ~ for what has become another.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := discovery.Load(cmd.Context(), c.busSocket)
			if err != nil {
				return err
			}
			if watch {
				return c.watchServices(cmd.Context(), table)
			}
			s := Services{table.Entries(), table.Conflicts()}
			return c.print(s, s.text)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print what there is, then each change")
	return cmd
}

func (c *ctl) watchServices(ctx context.Context, table *discovery.Table) error {
	var before []discovery.Entry
	changed := func() error {
		after := table.Entries()
		for _, change := range discovery.Diff(before, after) {
			if err := c.printChange(change); err != nil {
				return err
			}
		}
		before = after
		return nil
	}
	if err := changed(); err != nil {
		return err
	}
	err := table.Follow(ctx, c.busSocket, func(err error) { fmt.Fprintln(os.Stderr, "clarityctl:", err) }, changed)
	if context.Cause(ctx) != nil {
		return nil // the person has seen enough
	}
	return err
}

func (c *ctl) printChange(change discovery.Change) (err error) {
	if c.json {
		return json.NewEncoder(os.Stdout).Encode(change)
	}
	_, err = fmt.Println(change.Change, strings.Join(columns(change.Entry), "  "))
	return err
}

func (s Services) text() string {
	if len(s.Listeners) == 0 {
		return "Nobody is known to listen; images with `learn = true` see who does.\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "endpoint\tunit\tprotocol\tsince\thealth")
	for _, l := range s.Listeners {
		fmt.Fprintln(w, strings.Join(columns(l), "\t"))
	}
	_ = w.Flush() // into memory
	for _, x := range s.Conflicts {
		fmt.Fprintf(&b, "conflict: %s wants %s, which %s has\n", word(x.Wants), word(x.Endpoint), word(x.Holder))
	}
	return b.String()
}

// columns are endpoint, unit, protocol, since and health. A socket that was there before
// anybody looked has no moment.
func columns(e discovery.Entry) []string {
	since := "-"
	if e.Since > 0 {
		since = fmt.Sprintf("%.3fs", e.Since.Round(time.Millisecond).Seconds())
	}
	protocol := "-"
	if e.Protocol != "" {
		protocol = word(e.Protocol)
	}
	return []string{word(e.Endpoint), word(e.Unit), protocol, since, word(e.Health)}
}

// word quotes what would be more than a word on a terminal: services choose the names
// of their sockets.
func word(s string) string {
	if q := strconv.QuoteToGraphic(s); s == "" || q != `"`+s+`"` || strings.ContainsAny(s, " ") {
		return q
	}
	return s
}
