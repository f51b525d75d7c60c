package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/learn/draw"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
)

func (c *ctl) profile() *cobra.Command {
	var svg bool
	var file string
	var docs strings.Builder
	for _, f := range profiles.Figures() {
		fmt.Fprintf(&docs, "  %-13s %s\n", f.Measure, f.Doc)
	}
	cmd := &cobra.Command{
		Use:   "profile UNIT",
		Short: "How a unit usually starts, runs and stops, as table or plot",
		Long: `How a unit usually behaves: what its starts and stops took and used, and what it uses
while it is up, in windows of ten seconds. What is long ago counts less. Quantiles are
right to within 6%. What is not known is left out. The measures, of a steady unit those
that grow for each second:

` + docs.String(),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.unit,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" && !svg {
				return usageError{errors.New("profile: --output is for --svg")}
			}
			all, err := c.askProfile(cmd.Context(), unitName(args[0]))
			if err != nil {
				return err
			}
			switch {
			case svg && file != "":
				return renameio.WriteFile(file, []byte(profilePlot(all)), 0o644)
			case svg:
				_, err := fmt.Fprint(cmd.OutOrStdout(), profilePlot(all))
				return err
			}
			if all[0].Notice != "" {
				fmt.Fprintln(os.Stderr, "clarityctl:", all[0].Notice)
			}
			return c.print(all, func() string { return profileText(all) })
		},
	}
	cmd.Flags().BoolVar(&svg, "svg", false, "draw the histograms, as SVG")
	cmd.Flags().StringVarP(&file, "output", "o", "", "write the plot to `FILE`")
	return cmd
}

// askProfile gives all phases of a unit that has a profile.
func (c *ctl) askProfile(ctx context.Context, unit string) (all []status.ProfileReply, err error) {
	known := false
	for _, ph := range profiles.Phases() {
		r, err := c.askPhase(ctx, unit, ph)
		if err != nil {
			return nil, err
		}
		known = known || r.Runs+r.Before > 0 || len(r.Measures) > 0
		all = append(all, r)
	}
	if !known {
		return nil, fmt.Errorf("nothing is known of %s yet: a profile begins when a service was started and the boot is complete", unit)
	}
	return all, nil
}

func profileText(all []status.ProfileReply) string {
	var b strings.Builder
	fmt.Fprintln(&b, profileTitle(all[0]))
	for _, r := range all {
		if len(r.Measures) == 0 {
			continue
		}
		fmt.Fprintln(&b)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "%s\tmedian\tp95\tlast\tvalues\n", r.Phase)
		for _, m := range r.Measures {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%d\n", m.Measure, draw.Amount(m.Median, m.Unit), draw.Amount(m.P95, m.Unit), draw.Amount(m.Last, m.Unit), m.Count)
		}
		w.Flush()
	}
	return b.String()
}

func profileTitle(r status.ProfileReply) string {
	title := fmt.Sprintf("%s: %d runs, %d of them automatic restarts", r.Unit, r.Runs, r.Restarts)
	if r.Before > 0 {
		title += fmt.Sprintf("; %d before its binary or configuration changed", r.Before)
	}
	return title
}

// Measures of the plot, in pixels: one panel for each measure of a phase.
const (
	panelGap    = 20
	panelsInRow = 3
	plotTop     = 60
)

const plotStyle = `
  text { font: 11px sans-serif; fill: #222 } .title { font-size: 16px; font-weight: bold } .dim { fill: #777; font-size: 10px }
  rect.bar { fill: #9dc3e6 } line.median { stroke: #5b2c06 } line.last { stroke: #b00020; stroke-dasharray: 3 2 } line.base { stroke: #999 }
`

// profilePlot draws the histograms as SVG: the bars of a panel are buckets, each as
// wide as the others since they grow with the value, and as high as their share.
func profilePlot(all []status.ProfileReply) string {
	var panels strings.Builder
	n := 0
	for _, r := range all {
		for _, m := range r.Measures {
			x, y := panelGap+(n%panelsInRow)*(draw.PanelWidth+panelGap), plotTop+(n/panelsInRow)*(draw.PanelHeight+3*panelGap)
			fmt.Fprintf(&panels, `<g transform="translate(%d %d)">`+"\n", x, y)
			panels.WriteString(draw.Panel(panel(r.Phase, m)))
			panels.WriteString("</g>\n")
			n++
		}
	}
	width, height := panelGap+panelsInRow*(draw.PanelWidth+panelGap), plotTop+(n+panelsInRow-1)/panelsInRow*(draw.PanelHeight+3*panelGap)
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
<style>%s</style>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="%d" y="28" class="title">%s</text>
<text x="%d" y="44" class="dim">line: median; dashed: the last value</text>
%s</svg>
`, width, height, width, height, plotStyle, panelGap, html.EscapeString(profileTitle(all[0])), panelGap, panels.String())
	return b.String()
}

// panel is what the plot shows of a measure.
func panel(ph profiles.Phase, m status.MeasureView) draw.Histogram {
	title := fmt.Sprintf("%s %s: median %s, p95 %s, last %s", ph, m.Measure, draw.Amount(m.Median, m.Unit), draw.Amount(m.P95, m.Unit), draw.Amount(m.Last, m.Unit))
	return draw.Histogram{Title: title, Unit: m.Unit, Median: m.Median, Last: m.Last, Bars: m.Bars}
}
