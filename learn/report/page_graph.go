package report

import (
	"cmp"
	"fmt"
	"slices"

	"clarityos/learn/draw"
	"clarityos/learn/graph"
	"clarityos/learn/status"
)

// drawing is the graph on the page.
type drawing struct {
	Says, Left     string
	Width, Height  int
	Legend         []legend
	Drawn          []arrow
	Boxes          []draw.Box
	Edges          []evidence
	Undeclared     []graph.Pair
	UndeclaredLeft int
	Unused         []graph.Pair
	UnusedLeft     int
}

type legend struct{ Class, Says string }

type arrow struct {
	N                   int
	Class, Label, Curve string
}

type evidence struct {
	N                           int
	Class, Unit, Verb, On, Tail string
	Share                       string
	Why                         []string
}

// edgeBytes is what an edge takes besides its texts, at most, and besides that it is drawn.
const edgeBytes, drawnBytes, lineBytes = 500, 500, 24

// legends are the verdicts in the order in which they matter.
var legends = []legend{{"hard", "fails without it"}, {"ordering", "needs it to start"}, {"runtime", "uses it when it runs"}, {"unsure", "unsure"}, {"coincidence", "coincidence"}, {"ignored", "ignored, as a person has said"}}

// rank is a verdict's place in legends; one that is unknown counts as unsure.
func rank(v graph.Verdict) int {
	if i := slices.IndexFunc(legends, func(l legend) bool { return l.Class == string(v) }); i >= 0 {
		return i
	}
	return 3
}

func (p *page) graph(r *Report) {
	if r.Graph == nil {
		return
	}
	d := &drawing{Says: fmt.Sprintf("As %s have shown it.", draw.Count(r.Graph.Boots, "boot"))}
	if r.Graph.Boots == 1 {
		d.Says = "As 1 boot has shown it."
	}
	all := slices.Clone(r.Graph.Edges)
	slices.SortStableFunc(all, func(a, b status.Edge) int { return cmp.Compare(rank(a.Verdict), rank(b.Verdict)) })
	space := room(roomGraph)
	var arrows []draw.Edge
	used := map[int]bool{}
	for i, e := range all {
		x := evidence{N: i, Class: legends[rank(e.Verdict)].Class, Unit: plain(e.Unit), On: plain(e.On), Share: fmt.Sprintf("%s, seen in %d of %s", Share(e), e.Seen, draw.Count(e.Both, "boot"))}
		x.Verb, x.Tail = says(e.Verdict)
		x.Why = plainAll(e.Why, mostLines)
		if e.Left != "" {
			x.Why = append(x.Why, "it is not acted on: "+plain(e.Left))
		}
		n := edgeBytes + cost(x.Unit, x.On) + cost(x.Why...) + lineBytes*len(x.Why)
		if len(arrows) < mostDrawn {
			n += drawnBytes + cost(x.Unit, x.On)
		}
		if !space.take(n) {
			break
		}
		d.Edges = append(d.Edges, x)
		used[rank(e.Verdict)] = true
		if len(arrows) < mostDrawn {
			arrows = append(arrows, draw.Edge{Unit: x.Unit, On: x.On, Loose: e.Verdict == graph.Coincidence || e.Verdict == graph.NotNeeded})
			d.Drawn = append(d.Drawn, arrow{N: i, Class: x.Class, Label: x.Unit + " " + x.Verb + " " + x.On + x.Tail})
		}
	}
	for i, l := range legends {
		if used[i] {
			d.Legend = append(d.Legend, l)
		}
	}
	g := draw.Lay(arrows)
	d.Width, d.Height, d.Boxes = g.Width, g.Height, g.Boxes
	for i := range d.Drawn {
		d.Drawn[i].Curve = g.Curves[i]
	}
	d.Left = left(len(all)-len(d.Edges), "edge", tooBig)
	if n := len(d.Edges) - len(d.Drawn); n > 0 {
		d.Left += fmt.Sprintf(" Of these edges %d are drawn, the surest kinds first; all stand in the list below.", len(d.Drawn))
	}
	d.Undeclared, d.UndeclaredLeft = pairs(r.Graph.Undeclared)
	d.Unused, d.UnusedLeft = pairs(r.Graph.Unused)
	p.Graph = d
}

func pairs(all []graph.Pair) (out []graph.Pair, more int) {
	for i, q := range all {
		if i == mostList {
			return out, len(all) - i
		}
		out = append(out, graph.Pair{Unit: plain(q.Unit), On: plain(q.On)})
	}
	return out, 0
}
