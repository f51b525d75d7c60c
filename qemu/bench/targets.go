package main

import (
	"fmt"
	"strings"

	"clarityos/qemu/bench/statistics"
)

// target is an upper bound that ClarityOS's figures are held against: a multiple
// of another figure of the same run, or a number.
type target struct {
	title string
	unit  unit
	ours  measure
	than  measure // the zero value: a number
	most  float64 // the factor, or the number in the unit
}

// measure is a figure at a place.
type measure struct {
	place
	figure string
}

// unit turns a figure into what is printed.
type unit struct {
	name   string
	factor float64
	digits int
}

var (
	seconds = unit{"s", 1, 2}
	millis  = unit{"ms", 1000, 0} // of seconds
	msecs   = unit{"ms", 1, 1}
	mega    = unit{"MB", 1024.0 / 1e6, 2} // of the kernel's kB
	count   = unit{"", 1, 0}
)

// targets are what ClarityOS is to reach.
func targets() []target {
	at := func(init, work, variant, figure string) measure { return measure{place{init, work, variant}, figure} }
	flat := func(init, figure string) measure { return at(init, "flat", "undeclared", figure) }
	ours := func(figure string) measure { return flat("clarityos", figure) }
	many := func(work, figure string) measure { return at("clarityos", work, "undeclared", figure) }
	ready := "init_to_all_ready_s"
	all := []target{
		{"init to first service", millis, ours("init_to_first_s"), flat("sysvinit", "init_to_first_s"), 1},
		{"init to all ready, flat", seconds, ours(ready), flat("oracle", ready), 1.3},
		{"init to all ready, flat", seconds, ours(ready), flat("systemd", ready), 0.4},
	}
	for _, work := range []string{"dag", "chain"} {
		for _, than := range []struct {
			init string
			most float64
		}{{"oracle", 1.15}, {"s6", 0.7}, {"systemd", 0.5}} {
			all = append(all, target{"init to all ready, " + work + " declared", seconds,
				at("clarityos", work, "declared", ready), at(than.init, work, "declared", ready), than.most})
		}
	}
	return append(all,
		target{"kill to exec, median", msecs, ours("respawn_median_ms"), flat("sysvinit", "respawn_median_ms"), 1},
		target{"kill to exec, p95 of 500 kills", msecs, many("kills", "respawn_p95_ms"), many("kills", "respawn_median_ms"), 1.5},
		target{"others restarted in 500 kills", count, many("kills", "restart_others"), measure{}, 0},
		target{"orphans reaped", msecs, ours("orphans_reap_ms"), flat("floor", "orphans_reap_ms"), 1.5},
		target{"power-off", millis, ours("shutdown_guest_s"), flat("s6", "shutdown_guest_s"), 1},
		target{"PID 1's RSS", mega, ours("pid1_rss_kb"), measure{}, 7},
		target{"PID 1's anonymous memory", mega, ours("pid1_anonymous_kb"), measure{}, 2.5},
		target{"PID 1's RSS with 500 services", mega, many("flat500", "pid1_rss_kb"), measure{}, 12},
		target{"PSS of PID 1 and log component", mega, at("clarityos+log", "flat", "undeclared", "init_pss_total_kb"), measure{}, 12},
	)
}

// mostCompressed is what `init` may take, stripped and compressed by gzip -9, in
// MB.
const mostCompressed = 2.2

// targetTable holds the targets against the medians. What was not measured has
// no line.
func targetTable(r *results) string {
	var rows [][]string
	for _, t := range targets() {
		ours := r.figures(t.ours.place, t.ours.figure)
		if len(ours) == 0 {
			continue
		}
		have := statistics.Median(ours) * t.unit.factor
		row := []string{t.title, cellOf(ours, t.unit)}
		switch than := r.figures(t.than.place, t.than.figure); {
		case t.than == measure{}:
			row = append(row, "", "", strings.TrimSpace(fmt.Sprintf("%g %s", t.most, t.unit.name)), verdict(have <= t.most))
		case len(than) == 0:
			row = append(row, t.than.init+" was not measured", "", fmt.Sprintf("%g ×", t.most), "")
		default:
			ratio := statistics.Median(ours) / statistics.Median(than)
			row = append(row, t.than.init+" "+cellOf(than, t.unit), fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%g ×", t.most), verdict(ratio <= t.most))
		}
		rows = append(rows, row)
	}
	for at, s := range r.Meta.Sizes {
		if strings.HasPrefix(at, "clarityos/") {
			size := float64(s.PID1Bytes) / 1e6
			rows = append(rows, []string{"`init`, gzip -9", fmt.Sprintf("%.2f MB", size), "", "", fmt.Sprintf("%g MB", mostCompressed), verdict(size <= mostCompressed)})
			break
		}
	}
	return markdown([]string{"", "ClarityOS", "beside", "ratio", "wanted, at most", "met"}, rows)
}

func verdict(met bool) string {
	if met {
		return "yes"
	}
	return "**no**"
}

// cellOf is a median and half of max-min.
func cellOf(values []float64, u unit) string {
	text := fmt.Sprintf("%.*f", u.digits, statistics.Median(values)*u.factor)
	if len(values) > 1 {
		text += fmt.Sprintf(" ± %.*f", u.digits, statistics.Spread(values)/2*u.factor)
	}
	return strings.TrimSpace(text + " " + u.name)
}
