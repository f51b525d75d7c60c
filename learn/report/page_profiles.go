package report

import (
	"fmt"
	"html/template"
	"strings"

	"clarityos/learn/draw"
)

type profile struct {
	Unit, Says string
	Phases     []phase
}

type phase struct {
	Name     string
	Measures []measure
	Plots    []plot
}

type measure struct {
	Name, Median, P95, Last string
	Count                   uint32
}

type plot struct {
	Title string
	Panel template.HTML
}

// measureBytes is what a line of a profile's table takes, phaseBytes what a table does.
const measureBytes, phaseBytes = 300, 1000

func (p *page) profiles(r *Report) {
	space := room(roomProfiles)
	at := map[string]int{}
	dropped, unplotted := map[string]bool{}, 0
	for _, q := range r.Profiles {
		if dropped[q.Unit] {
			continue
		}
		ph := phase{Name: plain(string(q.Phase))}
		n := phaseBytes + 2*cost(plain(q.Unit), ph.Name)
		for _, m := range q.Measures {
			x := measure{plain(string(m.Measure)), plain(draw.Amount(m.Median, m.Unit)), plain(draw.Amount(m.P95, m.Unit)), plain(draw.Amount(m.Last, m.Unit)), m.Count}
			n += measureBytes + cost(x.Name, x.Median, x.P95, x.Last)
			ph.Measures = append(ph.Measures, x)
		}
		if !space.take(n) {
			dropped[q.Unit] = true
			continue
		}
		for i, m := range q.Measures {
			x := ph.Measures[i]
			t := fmt.Sprintf("%s: median %s, p95 %s, last %s", x.Name, x.Median, x.P95, x.Last)
			svg := draw.Panel(draw.Histogram{Unit: plain(m.Unit), Median: m.Median, Last: m.Last, Bars: m.Bars[:min(len(m.Bars), 64)]})
			if len(m.Bars) == 0 {
				continue
			}
			if !space.take(2*cost(t) + len(svg) + measureBytes) {
				unplotted++
				continue
			}
			ph.Plots = append(ph.Plots, plot{t, safe(svg)})
		}
		i, known := at[q.Unit]
		if !known {
			i = len(p.Profiles)
			at[q.Unit] = i
			says := draw.Count(int(q.Runs), "start")
			if q.Restarts > 0 {
				says += fmt.Sprintf(", automatic restarts among them: %d", q.Restarts)
			}
			if q.Before > 0 {
				says += fmt.Sprintf("; %d before its binary or configuration changed", q.Before)
			}
			p.Profiles = append(p.Profiles, profile{Unit: plain(q.Unit), Says: says})
		}
		if len(ph.Measures) > 0 {
			p.Profiles[i].Phases = append(p.Profiles[i].Phases, ph)
		}
	}
	p.ProfilesLeft = strings.TrimSpace(left(len(dropped), "unit", tooBig) + " " + left(unplotted, "plot", tooBig))
}

// safe marks SVG that draw has made, which escapes all texts.
func safe(svg string) template.HTML { return template.HTML(svg) }
