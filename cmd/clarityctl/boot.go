package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/renameio/v2"
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

func (c *ctl) analyze() *cobra.Command {
	var svg bool
	var file string
	cmd := &cobra.Command{
		Use:   "analyze",
		Short: "How long the boot took, in a line or as a chart",
		Long: `How long the kernel and init took. With --svg, a chart of the boot: for each unit
how long it waited, started and ran, and how much CPU time it used until it was up.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r control.StatusReply
			if err := c.ask(cmd.Context(), "List", nil, &r); err != nil {
				return err
			}
			switch {
			case file != "" && !svg:
				return usageError{errors.New("analyze: --output is for --svg")}
			case svg && file != "":
				return renameio.WriteFile(file, []byte(chart(r)), 0o644)
			case svg:
				_, err := fmt.Fprint(cmd.OutOrStdout(), chart(r))
				return err
			}
			t := BootTimes{r.Kernel, max(r.Summary.BootTime-r.Kernel, 0), r.Summary.BootTime, r.Summary.Default}
			return c.print(t, t.text)
		},
	}
	cmd.Flags().BoolVar(&svg, "svg", false, "draw a chart, as SVG")
	cmd.Flags().StringVarP(&file, "output", "o", "", "write the chart to `FILE`")
	return cmd
}

// BootTimes are how long a boot took; Init and All are 0 until it is complete.
type BootTimes struct {
	Kernel time.Duration `json:"kernel"` // until init was executed
	Init   time.Duration `json:"init"`   // from then on until the boot's last job ended
	All    time.Duration `json:"all"`
	Target string        `json:"target"`
}

func (t BootTimes) text() string {
	if t.All == 0 {
		return fmt.Sprintf("the kernel took %s; the boot is not complete\n", round(t.Kernel))
	}
	return fmt.Sprintf("the boot took %s: kernel %s, init to %s %s\n", round(t.All), round(t.Kernel), t.Target, round(t.Init))
}
