package draw

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
)

// Measures of a graph, in pixels.
const (
	BoxWidth, BoxHeight = 200, 26
	boxGapX, boxGapY    = 90, 16
	graphMargin         = 20
	backDip             = 40 // how far an arrow that leads backwards goes below its boxes, at most
	boxLetters          = 27 // that fit into a box
)

// Edge is an arrow of a graph, from a unit to what it needs.
type Edge struct {
	Unit, On string
	// Loose edges do not keep Unit right of On.
	Loose bool
}

// Box is where a unit stands.
type Box struct {
	Unit  string
	Label string // the name as far as there is room, without .service
	X, Y  int
}

// Graph is the layout of a graph, in pixels from its left upper corner.
type Graph struct {
	Width, Height int
	Boxes         []Box
	Curves        []string // the d of an SVG path for each edge, from Unit to On
}

// Lay places units: what is needed stands left of what needs it.
func Lay(edges []Edge) (g Graph) {
	columns := Columns(edges)
	untangle(columns, edges)
	at := map[string]Box{}
	rows := 1
	for x, units := range columns {
		for y, u := range units {
			b := Box{u, Cut(strings.TrimSuffix(u, ".service"), boxLetters), graphMargin + x*(BoxWidth+boxGapX), graphMargin + y*(BoxHeight+boxGapY)}
			at[u] = b
			g.Boxes = append(g.Boxes, b)
		}
		rows = max(rows, len(units))
	}
	back := 0
	for _, e := range edges {
		from, to := at[e.Unit], at[e.On]
		if to.X >= from.X { // in one column, or backwards: a cycle; below the boxes
			x1, y1, x2, y2 := from.X+BoxWidth/3, from.Y+BoxHeight, to.X+BoxWidth/3, to.Y+BoxHeight
			low := max(y1, y2) + backDip
			back = max(back, low)
			g.Curves = append(g.Curves, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1, low, x2, low, x2, y2))
			continue
		}
		x1, y1, x2, y2 := from.X, from.Y+BoxHeight/2, to.X+BoxWidth, to.Y+BoxHeight/2
		g.Curves = append(g.Curves, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1-boxGapX/2, y1, x2+boxGapX/2, y2, x2, y2))
	}
	g.Width = 2*graphMargin + max(len(columns), 1)*(BoxWidth+boxGapX) - boxGapX
	g.Height = max(2*graphMargin+rows*(BoxHeight+boxGapY)-boxGapY, back)
	return g
}

// untangle orders the units of each column by the mean place of what they need in the
// columns left of it, so that fewer arrows cross (the barycenter heuristic of Sugiyama,
// Tagawa and Toda 1981, in one direction).
func untangle(columns [][]string, edges []Edge) {
	on := map[string][]string{}
	for _, e := range edges {
		on[e.Unit] = append(on[e.Unit], e.On)
	}
	place := map[string]float64{}
	for x, units := range columns {
		mean := map[string]float64{}
		for y, u := range units {
			sum, n := 0.0, 0
			for _, other := range on[u] {
				if p, known := place[other]; known {
					sum, n = sum+p, n+1
				}
			}
			mean[u] = float64(y)
			if n > 0 {
				mean[u] = sum / float64(n)
			}
		}
		if x > 0 {
			slices.SortStableFunc(units, func(a, b string) int { return cmp.Compare(mean[a], mean[b]) })
		}
		for y, u := range units {
			place[u] = float64(y)
		}
	}
}

// Columns gives the units of the edges by name, each in a column right of all that it
// needs as far as there is no cycle.
func Columns(edges []Edge) (out [][]string) {
	needs := map[string][]string{}
	for _, e := range edges {
		needs[e.Unit] = append(needs[e.Unit], "")
		needs[e.On] = append(needs[e.On], "")
		if !e.Loose {
			needs[e.Unit] = append(needs[e.Unit], e.On)
		}
	}
	column, open := map[string]int{}, map[string]bool{}
	var place func(string) int
	place = func(u string) int {
		if n, done := column[u]; done || open[u] {
			return n
		}
		open[u] = true
		n := 0
		for _, on := range needs[u] {
			if on != "" {
				n = max(n, place(on)+1)
			}
		}
		column[u] = n
		return n
	}
	var units []string
	for u := range needs {
		units = append(units, u)
	}
	slices.Sort(units)
	for _, u := range units {
		n := place(u)
		for len(out) <= n {
			out = append(out, nil)
		}
	}
	for _, u := range units {
		out[column[u]] = append(out[column[u]], u)
	}
	return out
}

const (
	graphTop   = 40  // for a title
	graphLeast = 700 // the width that a title takes
	graphStyle = `
  text { font: 12px sans-serif; fill: #222 } .title { font-size: 18px; font-weight: bold } .dim { fill: #777; font-size: 11px }
  rect.unit { fill: #eef4fb; stroke: #7a9cc0 } path { fill: none; stroke: #8a8a8a } path.hard { stroke: #5b2c06; stroke-width: 2.5 } path.ordering { stroke: #5b2c06 }
  path.runtime { stroke-dasharray: 6 4 } path.unsure, path.coincidence { stroke-dasharray: 2 4 } path.ignored { stroke: #ddd }
`
)

// GraphSVG draws a graph as a file of its own: under a title, with a class and a text
// on hover for each edge.
func GraphSVG(title, legend string, edges []Edge, class, hover func(int) string) string {
	g := Lay(edges)
	width, height := max(g.Width, graphLeast), g.Height+graphTop
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
<style>%s</style>
<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8" style="stroke:#5b2c06"/></marker></defs>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="20" y="28" class="title">%s</text>
<text x="20" y="46" class="dim">%s</text>
<g transform="translate(0 %d)">
`, width, height, width, height, graphStyle, html.EscapeString(title), html.EscapeString(legend), graphTop)
	for i := range edges {
		fmt.Fprintf(&b, `<path class="%s" d="%s" marker-end="url(#to)"><title>%s</title></path>`+"\n", html.EscapeString(class(i)), g.Curves[i], html.EscapeString(hover(i)))
	}
	for _, box := range g.Boxes {
		fmt.Fprintf(&b, `<g><rect class="unit" x="%d" y="%d" width="%d" height="%d" rx="4"/><text x="%d" y="%d">%s</text></g>`+"\n",
			box.X, box.Y, BoxWidth, BoxHeight, box.X+8, box.Y+17, html.EscapeString(box.Label))
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
