package main

import (
	"cmp"
	"fmt"
	"html"
	"strings"
	"time"

	"clarityos/learn/report"
	"clarityos/services/control"
)

// Measures of the chart, in pixels.
const (
	chartWidth = 900 // of the time that is shown
	barLeft    = 24  // before it
	barHeight  = 14
	rowHeight  = 20
	rowsTop    = 110
	labelWidth = 420 // after the end of the time, for names that stand there
)

const chartStyle = `
  text { font: 12px sans-serif; fill: #222 }
  .title { font-size: 18px; font-weight: bold }
  .dim { fill: #777; font-size: 11px }
  .failed text, text.failed { fill: #b00020; font-weight: bold }
  line.grid { stroke: #e4e4e4 } line.second { stroke: #c8c8c8 } line.mark { stroke: #555; stroke-dasharray: 4 3 }
  rect.kernel { fill: #b9a6d3 } rect.init { fill: #9dc3e6 }
  rect.waiting { fill: #ececec; stroke: #bbb; stroke-width: .5 } rect.starting { fill: #f6a96b } rect.running { fill: #bfe3c6 }
  rect.failed { fill: #b00020 } rect.cpu { fill: #5b2c06 }
`

// chart draws the boot as SVG: time goes to the right, each unit that was
// started has a row, in the order in which they began.
func chart(r control.StatusReply) string {
	lives, _, end := report.Lives(r)
	scale := func(t time.Duration) float64 { return barLeft + chartWidth*float64(t)/float64(end) }
	width, height := barLeft+chartWidth+labelWidth, rowsTop+rowHeight*(len(lives)+2)+30
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
<style>%s</style>
<rect width="100%%" height="100%%" fill="#fff"/>
`, width, height, width, height, chartStyle)
	text := func(x, y float64, class, format string, args ...any) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" class="%s">%s</text>`+"\n", x, y, class, html.EscapeString(fmt.Sprintf(format, args...)))
	}
	bar := func(class string, from, to time.Duration, y, height float64, what string) {
		if to > from {
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n",
				class, scale(from), y, max(scale(to)-scale(from), .5), height, html.EscapeString(what))
		}
	}
	t := BootTimes{r.Kernel, max(r.Summary.BootTime-r.Kernel, 0), r.Summary.BootTime, r.Summary.Default}
	text(barLeft, 28, "title", "%s", strings.TrimSpace(t.text()))
	legend(&b, text)
	axis(&b, text, scale, end, height)

	row := func(n int) float64 { return float64(rowsTop + rowHeight*n) }
	bar("kernel", 0, r.Kernel, row(0), barHeight, "kernel "+round(r.Kernel))
	text(scale(0)+4, row(0)+11, "", "kernel %s", round(r.Kernel))
	bar("init", r.Kernel, end, row(1), barHeight, "init")
	text(scale(r.Kernel)+4, row(1)+11, "", "init")
	for n, l := range lives {
		y := row(n + 2)
		fmt.Fprintf(&b, `<g id="%s">`+"\n", html.EscapeString(l.Name))
		bar("waiting", l.Queued, l.Begun, y, barHeight, "waited "+round(l.Begun-l.Queued))
		started := cmp.Or(l.Ready, l.Ended)
		bar("starting", l.Begun, started, y, barHeight, "started in "+round(started-l.Begun))
		bar("running", cmp.Or(l.Ready, l.Ended), l.Ended, y, barHeight, "up")
		bar("cpu", l.Begun, min(l.Begun+l.CPU, end), y+barHeight-3, 3, "CPU time until it was up: "+round(l.CPU))
		class := ""
		if l.Failed {
			class = "failed"
			fmt.Fprintf(&b, `<rect class="failed" x="%.1f" y="%.1f" width="4" height="%d"/>`+"\n", scale(l.Ended)-2, y, barHeight)
		}
		text(scale(l.Begun)+4, y+11, class, "%s", label(l))
		b.WriteString("</g>\n")
	}
	if r.Summary.BootTime > 0 {
		x := scale(r.Summary.BootTime)
		fmt.Fprintf(&b, `<line class="mark" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, rowsTop-28, height-20)
		text(x+4, rowsTop-30, "", "%s reached, %s", r.Summary.Default, round(r.Summary.BootTime))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// label says what the bars of a unit cannot.
func label(l report.Unit) string {
	var facts []string
	switch {
	case l.Failed:
		facts = append(facts, "failed: "+l.Cause)
	case l.Starting:
		facts = append(facts, "still "+l.Active)
	case l.Active == "inactive" && l.Ready == 0:
		facts = append(facts, "did not run: "+l.Cause)
	case l.Ready > l.Begun:
		facts = append(facts, round(l.Ready-l.Begun))
	}
	if l.CPU > 0 {
		facts = append(facts, "CPU "+round(l.CPU))
	}
	if facts == nil {
		return l.Name
	}
	return l.Name + " (" + strings.Join(facts, ", ") + ")"
}

func legend(b *strings.Builder, text func(x, y float64, class, format string, args ...any)) {
	x := float64(barLeft)
	for _, l := range []struct{ class, what string }{
		{"waiting", "waiting"}, {"starting", "starting"}, {"running", "running"}, {"cpu", "CPU time until up"}, {"failed", "failed"},
	} {
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="44" width="14" height="12"/>`+"\n", l.class, x)
		text(x+19, 54, "", "%s", l.what)
		x += 40 + 7*float64(len(l.what))
	}
}

// axis draws a line for each step of time, of which there are at most twenty.
func axis(b *strings.Builder, text func(x, y float64, class, format string, args ...any), scale func(time.Duration) float64, end time.Duration, height int) {
	step := time.Millisecond
	for _, next := range []time.Duration{10, 50, 100, 500, 1000, 5000, 10000, 60000, 300000, 3600000} {
		if end/step <= 20 {
			break
		}
		step = next * time.Millisecond
	}
	for t := time.Duration(0); t <= end; t += step {
		class := "grid"
		if t%time.Second == 0 {
			class = "second"
		}
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", class, scale(t), scale(t), rowsTop-12, height-20)
		text(scale(t)+2, rowsTop-16, "dim", "%s", t.String())
	}
}
