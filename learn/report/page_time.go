package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"clarityos/learn/draw"
)

// step is a unit of the critical path, in words.
type step struct {
	At, Unit, Says, On, Rest string
	Row                      int // of the time line; 0: it has none
}

// row is a unit on the time line. Times are in milliseconds, for sorting.
type row struct {
	N                   int // from 1; 0 is the kernel
	Name                string
	Description         string
	Critical, Bad       bool
	Begun, Took, Waited int64
	Bars                []bar
	Short               string // how long the start took, or what came of it
	Facts               []string
	Waits               []wait
	WaitsLeft           int
}

type bar struct {
	Class, X, Width string // X in percent; Width too, or in pixels
	Y, Height       int
}

type wait struct {
	On, Says string
	Row      int
}

// rowBytes is what a row takes besides its texts, at most.
const rowBytes, waitBytes = 1000, 64

const tooBig = "the page would become too large; `clarityctl analyze --report-json` has all"

func (p *page) timeLine(r *Report) {
	critical := map[string]bool{}
	for _, l := range r.Path {
		critical[l.Unit] = true
	}
	number := map[string]int{}
	for i, u := range r.Units {
		number[u.Name] = i + 1
	}
	space := room(roomTime)
	kernel := row{Name: "kernel", Took: r.Boot.Kernel.Milliseconds(), Short: draw.Span(r.Boot.Kernel), Facts: []string{"the kernel ran by itself until it executed init, " + draw.Span(r.Boot.Kernel) + " after it began"}}
	kernel.Bars = []bar{r.bar("kernel", 0, r.Boot.Kernel, 3, 12)}
	p.Rows = []row{kernel}
	// Units of the critical path have a row whatever room the others leave.
	for pass := range 2 {
		for i, u := range r.Units {
			if critical[u.Name] != (pass == 0) {
				continue
			}
			w := r.row(i+1, u, critical[u.Name], number)
			n := rowBytes + cost(w.Name, w.Name, w.Description, w.Short) + cost(w.Facts...)
			for _, x := range w.Waits {
				n += waitBytes + cost(x.On, x.Says)
			}
			if space.take(n) {
				p.Rows = append(p.Rows, w)
			}
		}
	}
	shown := map[int]bool{}
	for _, w := range p.Rows {
		shown[w.N] = true
	}
	for i := range p.Rows {
		for j := range p.Rows[i].Waits {
			if x := &p.Rows[i].Waits[j]; !shown[x.Row] {
				x.Row = 0
			}
		}
	}
	slices.SortStableFunc(p.Rows, func(a, b row) int { return cmp.Compare(a.N, b.N) })
	p.TimeLeft = left(len(r.Units)+1-len(p.Rows), "unit", tooBig)
	if n := len(r.Later); n > 0 {
		p.TimeLeft += fmt.Sprintf(" After the boot %s started, or started again, and not shown: %s.", units(n), strings.Join(plainAll(r.Later, 8), ", "))
	}
	p.Path = r.steps(number, shown)
}

func units(n int) string {
	if n == 1 {
		return "1 unit was"
	}
	return fmt.Sprintf("%d units were", n)
}

func (r *Report) bar(class string, from, to time.Duration, y, height int) bar {
	x := r.share(from)
	return bar{class, fmt.Sprintf("%.2f", x), fmt.Sprintf("%.2f%%", max(r.share(to)-x, .3)), y, height}
}

func (r *Report) row(n int, u Unit, critical bool, number map[string]int) row {
	w := row{N: n, Name: plain(u.Name), Description: plain(u.Description), Critical: critical, Bad: u.Failed, Begun: u.Begun.Milliseconds(), Waited: (u.Begun - u.Queued).Milliseconds()}
	over := u.started()
	w.Took = max(over-u.Begun, 0).Milliseconds()
	if u.Begun > u.Queued {
		w.Bars = append(w.Bars, r.bar("wait", u.Queued, u.Begun, 4, 10))
		w.Facts = append(w.Facts, fmt.Sprintf("waited %s, from %s to %s", draw.Span(u.Begun-u.Queued), draw.Span(u.Queued), draw.Span(u.Begun)))
	} else {
		w.Facts = append(w.Facts, "began at once when it was asked for, at "+draw.Span(u.Begun))
	}
	if over > u.Begun || u.Ready > 0 {
		w.Bars = append(w.Bars, r.bar("start", u.Begun, over, 3, 12))
	}
	if u.Ready > 0 && u.Ended > u.Ready {
		w.Bars = append(w.Bars, r.bar("run", u.Ready, u.Ended, 7, 4))
	}
	if u.CPU > 0 {
		w.Bars = append(w.Bars, r.bar("cpu", u.Begun, u.Begun+u.CPU, 12, 3))
	}
	switch {
	case u.Failed:
		w.Bars = append(w.Bars, bar{"fail", r.percent(u.Ended), "5", 1, 16})
		w.Short = "failed"
		w.Facts = append(w.Facts, "failed at "+draw.Span(u.Ended)+because(u.Cause))
	case u.Starting && len(u.Waited) > 0 && u.Begun >= r.Boot.End:
		w.Short = "waits"
	case u.Starting:
		w.Short = "starting"
		w.Facts = append(w.Facts, "was still "+plain(u.Active)+" when this was taken"+because(u.Cause))
	case u.Ready == 0:
		w.Short = "not run"
		w.Facts = append(w.Facts, "did not run"+because(u.Cause))
	default:
		w.Short = draw.Span(u.Ready - u.Begun)
		w.Facts = append(w.Facts, fmt.Sprintf("started in %s, and was ready at %s", w.Short, draw.Span(u.Ready)))
	}
	if u.CPU > 0 {
		w.Facts = append(w.Facts, "used "+draw.Span(u.CPU)+" of CPU until then")
	}
	if u.Restarts > 0 {
		w.Facts = append(w.Facts, "was restarted "+draw.Count(u.Restarts, "time")+"; its latest start is shown")
	}
	if critical {
		w.Facts = append(w.Facts, "is on the critical path")
	}
	for i, x := range u.Waited {
		if i == mostWaits {
			w.WaitsLeft = len(u.Waited) - i
			break
		}
		w.Waits = append(w.Waits, x.words(number))
	}
	return w
}

func because(cause string) string {
	if cause == "" {
		return ""
	}
	return ": " + plain(cause)
}

func (x Wait) words(number map[string]int) wait {
	if x.Says != "" {
		return wait{On: plain(x.Says), Says: ", still"}
	}
	w := wait{On: plain(x.On), Row: number[x.On], Says: ", which was ready at " + draw.Span(x.Until)}
	if x.Failed {
		w.Says = ", which failed at " + draw.Span(x.Until)
	}
	if x.Learned {
		w.Says += ", until there was what it had used of it in earlier boots; nothing declares that"
	}
	return w
}

// steps tells the critical path in words.
func (r *Report) steps(number map[string]int, shown map[int]bool) (out []step) {
	if len(r.Path) == 0 {
		return nil
	}
	out = append(out, step{At: draw.Span(r.Boot.Kernel), Unit: "the kernel", Says: "had executed init"})
	for i, l := range r.Path {
		if i == mostList {
			return append(out, step{Unit: left(len(r.Path)-i, "unit", tooBig)})
		}
		s := step{At: draw.Span(l.Ready), Unit: plain(l.Unit), Row: number[l.Unit]}
		if !shown[s.Row] {
			s.Row = 0
		}
		took := draw.Span(max(l.Ready-l.Begun, 0))
		switch {
		case l.Failed:
			s.Says = "failed, " + took + " after it began"
		case l.Ready == l.Begun:
			s.Says = "was reached"
		default:
			s.Says = "was ready, after a start of " + took
		}
		switch {
		case l.On == "" && i == 0:
			s.Rest = "; it began at " + draw.Span(l.Begun) + " and had waited for no other unit"
		case l.Learned:
			s.Says += "; it began at " + draw.Span(l.Begun) + " and had waited, as earlier boots had taught, for"
			s.On = plain(l.On)
		case l.On != "":
			s.Says += "; it began at " + draw.Span(l.Begun) + " and had waited for"
			s.On = plain(l.On)
		}
		out = append(out, s)
	}
	return out
}
