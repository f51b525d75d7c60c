package main

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"clarityos/services/control"
	"clarityos/services/supervisor"
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

// life is what the chart shows of a unit, on the clock of the boot; 0 is never.
type life struct {
	unit               supervisor.View
	queued, begun      time.Duration
	up, ended          time.Duration
	cpu                time.Duration
	failed, stillStart bool
}

// chart draws the boot as SVG: time goes to the right, each unit that was
// started has a row, in the order in which they began.
func chart(r control.StatusReply) string {
	lives, end := livesOf(r)
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
		fmt.Fprintf(&b, `<g id="%s">`+"\n", html.EscapeString(l.unit.Name))
		bar("waiting", l.queued, l.begun, y, barHeight, "waited "+round(l.begun-l.queued))
		started := cmp.Or(l.up, l.ended)
		bar("starting", l.begun, started, y, barHeight, "started in "+round(started-l.begun))
		bar("running", l.up, l.ended, y, barHeight, "up")
		bar("cpu", l.begun, min(l.begun+l.cpu, end), y+barHeight-3, 3, "CPU time until it was up: "+round(l.cpu))
		class := ""
		if l.failed {
			class = "failed"
			fmt.Fprintf(&b, `<rect class="failed" x="%.1f" y="%.1f" width="4" height="%d"/>`+"\n", scale(l.ended)-2, y, barHeight)
		}
		text(scale(l.begun)+4, y+11, class, "%s", l.label())
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
func (l life) label() string {
	var facts []string
	switch {
	case l.failed:
		facts = append(facts, "failed: "+l.unit.Cause)
	case l.stillStart:
		facts = append(facts, "still "+string(l.unit.Phase))
	case l.unit.Phase == supervisor.Dead && l.up == 0:
		facts = append(facts, "did not run: "+l.unit.Cause)
	case l.up > l.begun:
		facts = append(facts, round(l.up-l.begun))
	}
	if l.cpu > 0 {
		facts = append(facts, "CPU "+round(l.cpu))
	}
	if facts == nil {
		return l.unit.Name
	}
	return l.unit.Name + " (" + strings.Join(facts, ", ") + ")"
}

// livesOf gives every unit that was asked for or failed, in the order in which
// they began, and the end of the time that is shown: a little after the boot or,
// while it goes on, now.
func livesOf(r control.StatusReply) (lives []life, end time.Duration) {
	end = r.Now
	if r.Summary.BootTime > 0 {
		end = min(r.Now, r.Summary.BootTime+r.Summary.BootTime/20)
	}
	for _, u := range r.Units {
		failed := u.Active == "failed"
		if u.Queued == 0 && u.Begun == 0 && !failed {
			continue
		}
		l := life{unit: u, begun: u.Begun, up: u.Up, cpu: r.Started[u.Name], failed: failed}
		l.queued = cmp.Or(u.Queued, u.Begun)
		if u.Queued > l.begun { // it waits for its turn, or was asked for when it had begun
			l.begun = max(l.queued, u.Begun)
		}
		l.ended = end
		if u.Active == "failed" || u.Active == "inactive" {
			l.ended = u.Since
		}
		l.stillStart = l.up == 0 && !failed && u.Active != "inactive"
		lives = append(lives, l)
	}
	// What was started long after the boot would leave no room for it.
	lives = slices.DeleteFunc(lives, func(l life) bool { return l.queued > end })
	for i := range lives {
		l := &lives[i]
		for _, t := range []*time.Duration{&l.begun, &l.up, &l.ended} {
			*t = min(*t, end)
		}
	}
	slices.SortStableFunc(lives, func(a, b life) int { return cmp.Compare(a.begun, b.begun) })
	return lives, max(end, time.Millisecond)
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
