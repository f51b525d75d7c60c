package main

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/qemu/bench/workload"
)

// row is a figure of the table.
type row struct {
	shape, figure string
	title         string
	wanted        string // "" if nothing is
}

func rows() []row {
	return []row{
		{"flat", workload.First, "init to first service, ms", ""},
		{"flat", workload.Ready, "init to all ready, 50 at once, ms", "1.5 × floor"},
		{"chain", workload.Ready, "init to all ready, chain of 12, ms", ""},
		{"flat", workload.CPU, "PID 1's CPU time for 50, ms", ""},
		{"chain", workload.CPU, "PID 1's CPU time for the chain, ms", ""},
		{"flat", workload.RSS, "PID 1's RSS, kB", "8192"},
		{"flat", workload.PSS, "PID 1's PSS, kB", ""},
		{"flat", workload.Anonymous, "PID 1's anonymous memory, kB", "3072"},
		{"flat", workload.KillToExec, "kill to exec, ms", ""},
		{"flat", workload.Orphans, "5,000 orphans reaped, ms", ""},
		{"flat", workload.Zombies, "zombies left", "0"},
		{"flat", workload.PowerOff, "power-off, 50 services, ms", ""},
	}
}

// samples are the values of all boots, one for each run.
type samples map[sampleKey][]float64

type sampleKey struct{ shape, init, figure string }

func (s samples) add(shape, init string, f figures) {
	for figure, value := range f {
		k := sampleKey{shape, init, figure}
		s[k] = append(s[k], value)
	}
}

// table is the Markdown table of all rows, ClarityOS beside the floor.
func table(s samples) string {
	var out strings.Builder
	fmt.Fprintf(&out, "| | %s | %s | ratio | wanted, at most |\n| --- | ---: | ---: | ---: | ---: |\n", ours.name, floor.name)
	for _, r := range rows() {
		a, b := s[sampleKey{r.shape, ours.name, r.figure}], s[sampleKey{r.shape, floor.name, r.figure}]
		ratio := ""
		if m := median(b); m != 0 {
			ratio = fmt.Sprintf("%.2f", median(a)/m)
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", r.title, cell(a), cell(b), ratio, r.wanted)
	}
	return out.String()
}

// cell is a median with its spread, with one decimal where the figure is small.
func cell(values []float64) string {
	m := median(values)
	digits := 0
	if m != float64(int(m)) && m < 100 {
		digits = 1
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, m, digits, spread(values))
}

// median is 0 for no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// spread is half of the distance between the largest and the smallest value.
func spread(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / 2
}
