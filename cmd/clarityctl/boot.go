package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// Blame is one line of blame: how long a unit took.
type Blame struct {
	Unit   string        `json:"unit"`
	Took   time.Duration `json:"took"`          // from leaving the queue to readiness
	Queued time.Duration `json:"queued"`        // from being asked for to leaving the queue
	At     time.Duration `json:"at"`            // readiness, since init began
	CPU    time.Duration `json:"cpu,omitempty"` // used until readiness
}

func (c *ctl) blame() *cobra.Command {
	return &cobra.Command{
		Use:   "blame",
		Short: "How long each unit took to start, slowest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
				return err
			}
			lines := blamed(r)
			return c.print(lines, func() string {
				var b strings.Builder
				w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
				fmt.Fprintln(w, "took\twaited\tCPU\tup at\t unit")
				for _, l := range lines {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t %s\n", round(l.Took), round(l.Queued), round(l.CPU), round(l.At), l.Unit)
				}
				w.Flush()
				return b.String()
			})
		},
	}
}

func blamed(r control.StatusReply) []Blame {
	lines := []Blame{}
	for _, u := range r.Units {
		if u.Up > 0 && !strings.HasSuffix(u.Name, ".target") {
			lines = append(lines, Blame{u.Name, u.Up - u.Begun, max(u.Begun-u.Queued, 0), u.Up - r.Kernel, r.Started[u.Name]})
		}
	}
	slices.SortFunc(lines, func(a, b Blame) int { return cmp.Compare(b.Took, a.Took) })
	return lines
}

func (c *ctl) criticalChain() *cobra.Command {
	return &cobra.Command{
		Use:   "critical-chain [UNIT]",
		Short: "The units whose readiness a unit had to wait for, one by one",
		Long: `The chain of units that led to a unit (default: the one that boot starts): each one
waited for the one below it, which of all that it is ordered after was up last.
@ is when a unit was up, since init began, + how long its own start took.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			var r control.StatusReply
			var relations control.RelationsReply
			if err := errors.Join(c.ask(cmd.Context(), "List", nil, &r), c.ask(cmd.Context(), "Relations", nil, &relations)); err != nil {
				return err
			}
			unit := r.Summary.Default
			if len(args) == 1 {
				unit = unitName(args[0])
				if err := c.ask(cmd.Context(), "Status", control.UnitArgs{Unit: unit}, nil); err != nil {
					return err
				}
			}
			links := criticalChain(r, newEdges(relations.Units, inOrder, false), unit)
			if links == nil {
				return fmt.Errorf("%s is not up, or was not in this boot; `clarityctl why %s` tells more", unit, unit)
			}
			return c.print(links, func() string {
				var b strings.Builder
				for i, l := range links {
					indent := ""
					if i > 0 {
						indent = strings.Repeat("  ", i-1) + "└─"
					}
					fmt.Fprintf(&b, "%s%s @%s", indent, l.Unit, round(l.At))
					if l.Took > 0 {
						b.WriteString(c.paint(red, " +"+round(l.Took)))
					}
					b.WriteString("\n")
				}
				return b.String()
			})
		},
	}
}

// criticalChain follows from a unit that is up what it waited for: of the units
// that it is ordered after, the one that was up last before it began.
func criticalChain(r control.StatusReply, order edges, unit string) []Blame {
	views := byName(r.Units)
	var links []Blame
	for u, ok := views[unit]; ok && u.Up > 0; {
		links = append(links, Blame{u.Name, u.Up - u.Begun, max(u.Begun-u.Queued, 0), u.Up - r.Kernel, r.Started[u.Name]})
		var last supervisor.View
		for _, name := range order.next(u.Name) {
			if d := views[name]; d.Up > last.Up && d.Up <= u.Begun {
				last = d
			}
		}
		u, ok = last, last.Up > 0
	}
	return links
}
