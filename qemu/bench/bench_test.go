package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/qemu/bench/adapter"
	"clarityos/qemu/bench/statistics"
	"clarityos/qemu/bench/workload"
)

func TestConsole(t *testing.T) {
	const text = "[    1.500000] some other line\r\n" +
		"[    2.0] Kernel panic - not syncing\r\n" +
		"half a line\r\nBENCH handover_s 1.250000\r\nBENCH collector_start_s 1.300000\nBENCH first_service_start_s 1.275\n" +
		"\nBENCH all_ready_s 2.000000\nBENCH zombies_left 0\nnoise BENCH init_process_names init,clarityd \nBENCH failed only 3 of 50 services came up\n" +
		"BENCH shutdown_start 3.5\n[   12.250000] bench: shutdown\r\n[   12.750000] reboot: Power down\r\nBENCH cut 1"
	at := time.Unix(100, 0)
	c := newConsole(func() time.Time { return at })
	for i := range len(text) { // however it is cut
		if n, err := c.Write([]byte(text[i : i+1])); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	c.derive()
	want := figures{
		"handover_s": 1.25, "collector_start_s": 1.3, "first_service_start_s": 1.275, "all_ready_s": 2.0, "zombies_left": 0.0,
		"init_process_names": "init,clarityd", "shutdown_start": 3.5,
		"shutdown_guest_s": 0.5, "init_to_first_s": 0.025, "init_to_all_ready_s": 0.75,
	}
	if d := cmp.Diff(want, c.figures); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"[    2.0] Kernel panic - not syncing", "only 3 of 50 services came up"}, c.troubles); d != "" {
		t.Error(d)
	}
	if !c.powerOff.Equal(at) {
		t.Errorf("power-off at %v", c.powerOff)
	}
	if d := cmp.Diff([]string{"pid1_rss_kb", "pid1_anonymous_kb", "init_pss_total_kb"}, c.figures.missing()); d != "" {
		t.Error(d)
	}
}

func TestStatistics(t *testing.T) {
	for _, tc := range []struct {
		values         []float64
		median, spread float64
	}{
		{[]float64{4}, 4, 0},
		{[]float64{9, 1, 2}, 2, 8},
		{[]float64{4, 1, 2, 3}, 2.5, 3},
	} {
		if m, s := statistics.Median(tc.values), statistics.Spread(tc.values); m != tc.median || s != tc.spread {
			t.Errorf("%v: got %v ± %v, want %v ± %v", tc.values, m, s, tc.median, tc.spread)
		}
	}
}

// some are results as a run gives them, with a boot that failed.
func some() *results {
	r := &results{Meta: meta{
		Clock: byInstructions, Repetitions: 3, AtOnce: 1, Workloads: map[string]workload.Facts{"flat": {Ideal: 500}},
		Sizes: map[string]adapter.Sizes{"clarityos/flat/undeclared": {PID1Bytes: 1_150_000}}, Notes: map[string]string{"oracle": "a note"},
	}}
	for rep, ready := range []float64{1.2, 0.8, 1.0} {
		for _, init := range []struct {
			name   string
			factor float64
		}{{"clarityos", 1}, {"oracle", 0.8}, {"systemd", 2}} {
			r.Runs = append(r.Runs, sample{Init: init.name, Workload: "flat", Variant: "undeclared", Repetition: rep,
				Figures: figures{"init_to_all_ready_s": ready * init.factor, "pid1_rss_kb": 4000.0, "respawn_median_ms": 1.25}})
		}
	}
	r.Runs = append(r.Runs, sample{Init: "oracle", Workload: "flat", Variant: "undeclared", Repetition: 3,
		Figures: figures{"init_to_all_ready_s": 99.0}, Host: host{Errors: []string{"Kernel panic"}}})
	return r
}

func TestReport(t *testing.T) {
	got := report(some())
	for _, want := range []string{
		"| init to all ready, flat | 1.00 ± 0.20 s | oracle 0.80 ± 0.16 s | 1.25 | 1.3 × | yes |",
		"| init to all ready, flat | 1.00 ± 0.20 s | systemd 2.00 ± 0.40 s | 0.50 | 0.4 × | **no** |",
		"| kill to exec, median | 1.2 ± 0.0 ms | sysvinit was not measured |  | 1 × |  |",
		"| PID 1's RSS | 4.10 ± 0.00 MB |  |  | 7 MB | yes |",
		"| `init`, gzip -9 | 1.15 MB |  |  | 2.2 MB | yes |",
		"| oracle | 0.80 ± 0.16 (1 of 4 failed) |",
		"| clarityos undeclared | - | - | - | - | 4000 |",
		"flat 0.50 s",
		"- oracle flat undeclared run 3: Kernel panic",
		"- oracle: a note",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no line\n%s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// Every target is about something that a run without flags measures.
func TestTargets(t *testing.T) {
	cells := map[place]bool{}
	for _, i := range adapter.All() {
		for _, w := range workload.All(8) {
			for _, v := range i.VariantsOf(w) {
				cells[place{i.Name, w.Name, v}] = v == w.Variants[0]
			}
		}
	}
	for _, target := range targets() {
		if !cells[target.ours.place] || target.than != (measure{}) && !cells[target.than.place] {
			t.Errorf("%s: %v or %v is not measured", target.title, target.ours.place, target.than.place)
		}
	}
}

func TestCells(t *testing.T) {
	b := bench{all: workload.All(8)}
	for _, tc := range []struct{ inits, workloads, variants, want string }{
		{"sysvinit,s6", "flat,dag", "", "sysvinit flat undeclared, s6 flat undeclared, s6 dag declared"},
		{"openrc", "chain", "all", "openrc chain declared, openrc chain declared-parallel, openrc chain undeclared"},
		{"finit", "flat", "undeclared-early", "finit flat undeclared-early"},
		{"sysvinit", "dag", "declared", ""},
		{"upstart", "dag", "", ""},
		{"s6", "ring", "", ""},
	} {
		b.inits, b.workloads, b.variants = names(tc.inits), names(tc.workloads), names(tc.variants)
		cells, err := b.cells()
		var got []string
		for _, c := range cells {
			got = append(got, c.String())
		}
		if strings.Join(got, ", ") != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s %s %s: got %v, %v", tc.inits, tc.workloads, tc.variants, got, err)
		}
	}
}

func TestCheck(t *testing.T) {
	good := bench{clock: byInstructions, repetitions: 1, cpus: 2}
	if err := good.check(); err != nil || good.atOnce < 1 {
		t.Errorf("got %v, %d at once", err, good.atOnce)
	}
	for name, change := range map[string]func(*bench){
		"clock":   func(b *bench) { b.clock = "sun" },
		"reps":    func(b *bench) { b.repetitions = 0 },
		"kills":   func(b *bench) { b.kills = -1 },
		"at-once": func(b *bench) { b.clock, b.atOnce = byHost, 2 },
	} {
		b := bench{clock: byInstructions, repetitions: 1, cpus: 2}
		change(&b)
		if err := b.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	if err := some().save(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back results
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(some(), &back); d != "" {
		t.Error(d)
	}
}
