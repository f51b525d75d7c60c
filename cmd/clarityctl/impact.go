package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/learn/impact"
	"clarityos/learn/profiles"
	"clarityos/learn/report"
	"clarityos/services/control"
)

func (c *ctl) impact() *cobra.Command {
	return &cobra.Command{
		Use:   "impact UNIT",
		Short: "What a stop or restart of a unit does to others",
		Long: `What becomes of other units when one is restarted, as it is declared and as boots have
shown it: which stop too, which degrade because they use it, which cannot start
meanwhile, how sure that is and how long it usually takes. A stop does the same for as
long as the unit is down. restart --users restarts those that use it as well.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := unitName(args[0])
			if err := c.ask(cmd.Context(), "Status", control.UnitArgs{Unit: name}, nil); err != nil {
				return err
			}
			r, declared, err := c.learnedAndDeclared(cmd.Context())
			if err != nil {
				return err
			}
			v := impact.Of(name, declared, r.Edges, func(u string) impact.Span { return c.span(cmd.Context(), u) })
			v.Boots = r.Boots
			hit := map[string]bool{name: true}
			for _, e := range v.Effects {
				hit[e.Unit] = true
			}
			for _, u := range declared {
				if report.Service(u.Name) && !hit[u.Name] {
					v.Rest++
				}
			}
			return c.print(v, func() string { return impactText(v) })
		},
	}
}

// span gives how long a unit's starts and stops usually take, as far as a profile knows.
func (c *ctl) span(ctx context.Context, unit string) (s impact.Span) {
	all, err := c.askProfile(ctx, unit)
	if err != nil {
		return s // nothing is known
	}
	for _, r := range all {
		for _, m := range r.Measures {
			if m.Measure != profiles.Duration {
				continue
			}
			median := time.Duration(m.Median * float64(time.Second))
			switch r.Phase {
			case profiles.Start:
				s.Start = median
			case profiles.Stop:
				s.Stop = median
			}
		}
	}
	return s
}

func impactText(v impact.Impact) string {
	var b strings.Builder
	down := func(d time.Duration) string {
		if d == 0 {
			return "for an unknown time"
		}
		return fmt.Sprintf("for about %v", d.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "a restart takes %s down %s; of %s:\n", v.Unit, down(v.For), count(v.Boots, "boot"))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, e := range v.Effects {
		via := ""
		if e.Via != v.Unit {
			via = " (by way of " + e.Via + ")"
		}
		fmt.Fprintf(w, "  %s\t%s\t%.0f%%\t%s\t%s%s\n", e.Kind, e.Unit, 100*e.P, down(e.For), e.Why, via)
	}
	w.Flush()
	fmt.Fprintf(&b, "  %s not notice\n", others(v))
	return b.String()
}

func others(v impact.Impact) string {
	if v.Rest == 1 {
		return "1 other service does"
	}
	return fmt.Sprintf("%d other services do", v.Rest)
}
