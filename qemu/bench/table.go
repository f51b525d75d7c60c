package main

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/qemu/bench/statistics"
)

// report is everything that is printed at the end, as Markdown.
func report(r *results) string {
	m := r.Meta
	var out strings.Builder
	fmt.Fprintf(&out, "Kernel %s, %d vCPU, clock %s, %d runs a cell, %s; host load %.2f before, %.2f after; started %s. Medians; ± is half of max-min.\n",
		m.Kernel, m.CPUs, m.Clock, m.Repetitions, m.QEMU, m.LoadBefore[0], m.LoadAfter[0], m.Started)
	section := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&out, "\n## %s\n\n%s", title, text)
		}
	}
	section("Targets", targetTable(r))
	section("From PID 1's exec to all services ready (s)", readyTable(r)+idealLine(m))
	for _, work := range r.workloads() {
		section(work+": cost, restarts, orphans, power-off", costTable(r, work))
	}
	section("Size", sizeTable(m))
	section("Noise", noise(r))
	section("Notes", notes(r))
	section("Errors", troubles(r))
	return out.String()
}

// markdown is a table whose first column is text and whose others are numbers.
func markdown(head []string, rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	var out strings.Builder
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	line(append([]string{"---"}, slices.Repeat([]string{"---:"}, len(head)-1)...))
	for _, r := range rows {
		line(r)
	}
	return out.String()
}

// places are where something was measured, in the order of the tables.
func (r *results) places() []place {
	var all []place
	for _, s := range r.Runs {
		if !slices.Contains(all, s.place()) {
			all = append(all, s.place())
		}
	}
	order := []string{"flat", "chain", "dag", "kills", "flat500"}
	slices.SortFunc(all, func(a, b place) int {
		if d := slices.Index(order, a.workload) - slices.Index(order, b.workload); d != 0 {
			return d
		}
		return strings.Compare(a.init+" "+a.variant, b.init+" "+b.variant)
	})
	return all
}

func (r *results) workloads() []string {
	var names []string
	for _, p := range r.places() {
		if !slices.Contains(names, p.workload) {
			names = append(names, p.workload)
		}
	}
	return names
}

// readyTable has a line for each init and a column for each workload and variant.
func readyTable(r *results) string {
	head, cells := []string{"init"}, map[[2]string]string{}
	var inits []string
	for _, p := range r.places() {
		column := p.workload + " " + p.variant
		if !slices.Contains(head, column) {
			head = append(head, column)
		}
		inits = append(inits, p.init)
		text := "-"
		if values := r.figures(p, "init_to_all_ready_s"); len(values) > 0 {
			text = cellOf(values, unit{"", 1, 2})
		}
		if failed, all := r.failures(p); failed > 0 {
			text += fmt.Sprintf(" (%d of %d failed)", failed, all)
		}
		cells[[2]string{p.init, column}] = text
	}
	slices.Sort(inits)
	var rows [][]string
	for _, init := range slices.Compact(inits) {
		row := []string{init}
		for _, column := range head[1:] {
			row = append(row, cells[[2]string{init, column}])
		}
		rows = append(rows, row)
	}
	return markdown(head, rows)
}

func (r *results) failures(at place) (failed, all int) {
	for _, s := range r.Runs {
		if s.place() == at {
			all++
			if len(s.Host.Errors) > 0 {
				failed++
			}
		}
	}
	return failed, all
}

func idealLine(m meta) string {
	var parts []string
	for _, name := range sortedKeys(m.Workloads) {
		parts = append(parts, fmt.Sprintf("%s %.2f s", name, float64(m.Workloads[name].Ideal)/1000))
	}
	return "\nLeast possible with 2 CPUs and free process starts: " + strings.Join(parts, ", ") + ".\n"
}

// costColumns are the figures of the cost tables; two in one column are a median
// and a 95th percentile.
var costColumns = []struct {
	title   string
	figures []string
	factor  float64
	digits  int
}{
	{"kernel to init s", []string{"handover_s"}, 1, 2},
	{"init to 1st service ms", []string{"init_to_first_s"}, 1000, 0},
	{"connect retries", []string{"connect_retries"}, 1, 0},
	{"PID 1 boot CPU ms", []string{"boot_pid1_cpu_ms"}, 1, 0},
	{"PID 1 RSS kB", []string{"pid1_rss_kb"}, 1, 0},
	{"PID 1 anonymous kB", []string{"pid1_anonymous_kb"}, 1, 0},
	{"PID 1 PSS kB", []string{"pid1_pss_kb"}, 1, 0},
	{"init PSS kB", []string{"init_pss_total_kb"}, 1, 0},
	{"init procs", []string{"init_processes"}, 1, 0},
	{"kill to exec ms med/p95", []string{"respawn_median_ms", "respawn_p95_ms"}, 1, 1},
	{"kill to ready ms med/p95", []string{"restart_ready_median_ms", "restart_ready_p95_ms"}, 1, 1},
	{"others restarted", []string{"restart_others"}, 1, 0},
	{"orphan reap ms", []string{"orphans_reap_ms"}, 1, 0},
	{"orphan PID 1 CPU ms", []string{"orphans_pid1_cpu_ms"}, 1, 0},
	{"zombies left", []string{"zombies_left"}, 1, 0},
	{"RSS after kB", []string{"pid1_rss_after_orphans_kb"}, 1, 0},
	{"shutdown guest s", []string{"shutdown_guest_s"}, 1, 2},
	{"shutdown wall s", []string{"shutdown_s"}, 1, 2},
}

func costTable(r *results, work string) string {
	columns := costColumns
	if r.Meta.Clock == byInstructions {
		columns = columns[:len(columns)-1] // the host's time means nothing then
	}
	head := []string{"init"}
	for _, c := range columns {
		head = append(head, c.title)
	}
	var rows [][]string
	for _, p := range r.places() {
		if p.workload != work {
			continue
		}
		row := []string{p.init + " " + p.variant}
		for _, c := range columns {
			var parts []string
			for _, f := range c.figures {
				text := "-"
				if values := r.figures(p, f); len(values) > 0 {
					text = fmt.Sprintf("%.*f", c.digits, statistics.Median(values)*c.factor)
				}
				parts = append(parts, text)
			}
			row = append(row, strings.Join(parts, " / "))
		}
		rows = append(rows, row)
	}
	return markdown(head, rows)
}

func sizeTable(m meta) string {
	var rows [][]string
	seen := map[string]bool{}
	for _, at := range sortedKeys(m.Sizes) {
		init, _, _ := strings.Cut(at, "/")
		if seen[init] {
			continue
		}
		seen[init] = true
		s, shell := m.Sizes[at], "no"
		if m.NeedsShell[init] {
			shell = "yes"
		}
		kB := func(bytes int) string { return fmt.Sprintf("%.0f", float64(bytes)/1024) }
		rows = append(rows, []string{init, kB(s.InitBytes), fmt.Sprint(s.InitFiles), kB(s.PID1Bytes),
			fmt.Sprint(s.ConfFiles), fmt.Sprint(s.ConfBytes), kB(s.ImageBytes), shell})
	}
	return markdown([]string{"init", "init files kB (with libraries)", "files", "what the kernel runs, gzip -9, kB",
		"configuration files", "configuration bytes", "whole image gz kB", "runs a shell"}, rows)
}
