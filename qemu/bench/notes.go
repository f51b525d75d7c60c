package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"clarityos/qemu/bench/statistics"
)

// noise says how much the figures vary from run to run, and what else the host
// did.
func noise(r *results) string {
	var parts []string
	for _, name := range []string{"init_to_all_ready_s", "respawn_median_ms", "orphans_reap_ms", "pid1_rss_kb", "shutdown_guest_s"} {
		var spreads []float64
		for _, p := range r.places() {
			if v := r.figures(p, name); len(v) > 1 && statistics.Median(v) != 0 {
				spreads = append(spreads, statistics.Spread(v)/statistics.Median(v)*100)
			}
		}
		if len(spreads) > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f%% (worst %.0f%%)", name, statistics.Median(spreads), slices.Max(spreads)))
		}
	}
	text := "one run a cell"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	text = "(max-min)/median of a cell, median over cells: " + text + ".\n"
	if r.Meta.AtOnce > 1 {
		return text + fmt.Sprintf("%d boots went on side by side.\n", r.Meta.AtOnce)
	}
	var foreign []float64
	for _, s := range r.Runs {
		foreign = append(foreign, s.Host.ForeignCores)
	}
	return text + fmt.Sprintf("Other processes on the host used %.2f cores (median over runs; most %.2f).\n", statistics.Median(foreign), slices.Max(foreign))
}

func notes(r *results) string {
	var out strings.Builder
	for _, init := range sortedKeys(r.Meta.Notes) {
		fmt.Fprintf(&out, "- %s: %s\n", init, r.Meta.Notes[init])
	}
	return out.String()
}

func troubles(r *results) string {
	var out strings.Builder
	for _, s := range r.Runs {
		for _, e := range s.Host.Errors {
			fmt.Fprintf(&out, "- %s %s %s run %d: %s\n", s.Init, s.Workload, s.Variant, s.Repetition, e)
		}
	}
	return out.String()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
