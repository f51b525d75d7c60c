package draw

import (
	"fmt"
	"html"
	"strings"
)

// Measures of a panel, in pixels. Below PanelHeight it takes PanelFoot for its scale.
const (
	PanelWidth  = 280
	PanelHeight = 120
	PanelFoot   = 16
)

// Histogram is what a panel shows. Values are in Unit, as Amount takes it.
type Histogram struct {
	Title        string
	Unit         string
	Median, Last float64
	Bars         [][3]float64 // low, high, share of the weight
}

// Panel draws a histogram as elements of SVG: its bars are buckets, each as wide as the
// others since they grow with the value, and as high as their share. Classes are bar,
// median, last, base and dim.
func Panel(h Histogram) string {
	var b strings.Builder
	text := func(x, y float64, class, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
	}
	text(0, 10, "", "start", h.Title)
	fmt.Fprintf(&b, `<line class="base" x1="0" x2="%d" y1="%d" y2="%d"/>`+"\n", PanelWidth, PanelHeight, PanelHeight)
	most := 0.0
	for _, bar := range h.Bars {
		most = max(most, bar[2])
	}
	if most <= 0 {
		return b.String()
	}
	wide := PanelWidth / float64(max(len(h.Bars), 6))
	for i, bar := range h.Bars {
		high := (PanelHeight - 20) * max(bar[2], 0) / most
		fmt.Fprintf(&b, `<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n", float64(i)*wide, PanelHeight-high, wide-1, high,
			html.EscapeString(fmt.Sprintf("%s to %s: %.1f%%", Amount(bar[0], h.Unit), Amount(bar[1], h.Unit), 100*bar[2])))
	}
	for _, mark := range []struct {
		class string
		at    float64
	}{{"median", h.Median}, {"last", h.Last}} {
		x := barAt(h.Bars, mark.at) * wide
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="18" y2="%d"/>`+"\n", mark.class, x, x, PanelHeight)
	}
	text(0, PanelHeight+12, "dim", "start", Amount(h.Bars[0][0], h.Unit))
	text(float64(len(h.Bars))*wide, PanelHeight+12, "dim", "end", Amount(h.Bars[len(h.Bars)-1][1], h.Unit))
	return b.String()
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
