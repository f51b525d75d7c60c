package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

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
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	known := false
	for _, ph := range profiles.Phases() {
		r, err := status.AskProfile(ctx, c.busSocket, status.ProfileRequest{Unit: unit, Phase: ph})
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
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%d\n", m.Measure, amount(m.Median, m.Unit), amount(m.P95, m.Unit), amount(m.Last, m.Unit), m.Count)
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

// amount writes a value in the unit of its measure.
func amount(v float64, unit string) string {
	base, rate := strings.CutSuffix(unit, "/s")
	per := ""
	if rate {
		per = "/s"
	}
	switch base {
	case "s":
		if rate { // seconds for each second: a share of a processor
			return fmt.Sprintf("%.3g%% CPU", 100*v)
		}
		return round(time.Duration(v * float64(time.Second)))
	case "B":
		return size(uint64(v)) + per
	}
	return fmt.Sprintf("%.4g", v) + per
}

// Measures of the plot, in pixels: one panel for each measure of a phase.
const (
	panelWidth  = 280
	panelHeight = 120
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
			x, y := panelGap+(n%panelsInRow)*(panelWidth+panelGap), plotTop+(n/panelsInRow)*(panelHeight+3*panelGap)
			fmt.Fprintf(&panels, `<g transform="translate(%d %d)">`+"\n", x, y)
			panel(&panels, r.Phase, m)
			panels.WriteString("</g>\n")
			n++
		}
	}
	width, height := panelGap+panelsInRow*(panelWidth+panelGap), plotTop+(n+panelsInRow-1)/panelsInRow*(panelHeight+3*panelGap)
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

func panel(b *strings.Builder, ph profiles.Phase, m status.MeasureView) {
	text := func(x, y float64, class, anchor, s string) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
	}
	text(0, 10, "", "start", fmt.Sprintf("%s %s: median %s, p95 %s, last %s", ph, m.Measure, amount(m.Median, m.Unit), amount(m.P95, m.Unit), amount(m.Last, m.Unit)))
	fmt.Fprintf(b, `<line class="base" x1="0" x2="%d" y1="%d" y2="%d"/>`+"\n", panelWidth, panelHeight, panelHeight)
	if len(m.Bars) == 0 {
		return
	}
	most := 0.0
	for _, bar := range m.Bars {
		most = max(most, bar[2])
	}
	wide := panelWidth / float64(max(len(m.Bars), 6))
	for i, bar := range m.Bars {
		high := (panelHeight - 20) * bar[2] / most
		fmt.Fprintf(b, `<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n", float64(i)*wide, panelHeight-high, wide-1, high,
			html.EscapeString(fmt.Sprintf("%s to %s: %.1f%%", amount(bar[0], m.Unit), amount(bar[1], m.Unit), 100*bar[2])))
	}
	for _, mark := range []struct {
		class string
		at    float64
	}{{"median", m.Median}, {"last", m.Last}} {
		x := barAt(m.Bars, mark.at) * wide
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="18" y2="%d"/>`+"\n", mark.class, x, x, panelHeight)
	}
	text(0, panelHeight+12, "dim", "start", amount(m.Bars[0][0], m.Unit))
	text(float64(len(m.Bars))*wide, panelHeight+12, "dim", "end", amount(m.Bars[len(m.Bars)-1][1], m.Unit))
}

// barAt gives where a value is, in bars from the left.
func barAt(bars [][3]float64, v float64) float64 {
	for i, bar := range bars {
		switch {
		case v < bar[0]:
			return float64(i)
		case v <= bar[1] && bar[1] > bar[0]:
			return float64(i) + (v-bar[0])/(bar[1]-bar[0])
		case v <= bar[1]:
			return float64(i) + .5
		}
	}
	return float64(len(bars))
}
