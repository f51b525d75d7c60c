package main

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"clarityos/learn/graph"
)

// Measures of the drawing, in pixels.
const (
	boxWidth, boxHeight = 200, 26
	boxGapX, boxGapY    = 90, 16
	drawingTop          = 60
)

const graphStyle = `
  text { font: 12px sans-serif; fill: #222 } .title { font-size: 18px; font-weight: bold } .dim { fill: #777; font-size: 11px }
  rect.unit { fill: #eef4fb; stroke: #7a9cc0 } path { fill: none; stroke: #8a8a8a } path.hard { stroke: #5b2c06; stroke-width: 2.5 } path.ordering { stroke: #5b2c06 }
  path.runtime { stroke-dasharray: 6 4 } path.unsure, path.coincidence { stroke-dasharray: 2 4 } path.ignored { stroke: #ddd }
`

// svg draws the graph: what is needed stands left of what needs it, and an arrow
// leads to it, with what speaks for it on hover.
func (v graphView) svg() string {
	columns := v.columns()
	type point struct{ x, y int }
	at := map[string]point{}
	rows := 1
	for x, units := range columns {
		for y, u := range units {
			at[u] = point{20 + x*(boxWidth+boxGapX), drawingTop + y*(boxHeight+boxGapY)}
		}
		rows = max(rows, len(units))
	}
	width, height := 40+max(len(columns), 3)*(boxWidth+boxGapX), drawingTop+rows*(boxHeight+boxGapY)+20
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
<style>%s</style>
<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8" style="stroke:#5b2c06"/></marker></defs>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="20" y="28" class="title">Which unit needs which, after %s</text>
<text x="20" y="46" class="dim">thick: it fails without; line: it needs it to start; dashes: it uses it when it runs; dots: unsure</text>
`, width, height, width, height, graphStyle, count(v.Boots, "boot"))
	for _, e := range v.Edges {
		from, to := at[e.Unit], at[e.On]
		x1, y1, x2, y2 := from.x, from.y+boxHeight/2, to.x+boxWidth, to.y+boxHeight/2
		if x2 >= x1 { // in one column, or backwards: a cycle
			x2 = to.x + boxWidth/2
		}
		fmt.Fprintf(&b, `<path class="%s" d="M%d %dC%d %d %d %d %d %d" marker-end="url(#to)"><title>%s</title></path>`+"\n", e.Verdict,
			x1, y1, x1-boxGapX/2, y1, x2+boxGapX/2, y2, x2, y2, html.EscapeString(whyEdge(e)))
	}
	for _, units := range columns {
		for _, u := range units {
			p := at[u]
			fmt.Fprintf(&b, `<g><rect class="unit" x="%d" y="%d" width="%d" height="%d" rx="4"/><text x="%d" y="%d">%s</text></g>`+"\n",
				p.x, p.y, boxWidth, boxHeight, p.x+8, p.y+17, html.EscapeString(strings.TrimSuffix(u, ".service")))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// columns gives the units of the edges, each in a column right of all that it needs
// to start, as far as there is no cycle, and else of what it uses.
func (v graphView) columns() (out [][]string) {
	needs := map[string][]string{}
	for _, e := range v.Edges {
		needs[e.Unit] = append(needs[e.Unit], "")
		needs[e.On] = append(needs[e.On], "")
		if e.Verdict != graph.Coincidence && e.Verdict != graph.NotNeeded {
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
