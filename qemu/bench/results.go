package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/google/renameio/v2"

	"clarityos/qemu/bench/adapter"
	"clarityos/qemu/bench/workload"
)

// results are all that was measured, as results.json has them. The names are
// those of the Python program that this one repeats, whose reports read both.
type results struct {
	Meta meta     `json:"meta"`
	Runs []sample `json:"runs"`
}

// meta is what the runs have in common.
type meta struct {
	Started     string                    `json:"started"`
	Kernel      string                    `json:"kernel"`
	Clock       string                    `json:"clock"`
	CPUs        int                       `json:"smp"`
	QEMU        string                    `json:"qemu"`
	HostCores   int                       `json:"host_cores"`
	HostKernel  string                    `json:"host_kernel"`
	LoadBefore  [3]float64                `json:"load_before"`
	LoadAfter   [3]float64                `json:"load_after"`
	Repetitions int                       `json:"reps"`
	AtOnce      int                       `json:"at_once"`
	Append      string                    `json:"append,omitempty"`
	Packages    map[string]string         `json:"packages"` // versions
	Workloads   map[string]workload.Facts `json:"workloads"`
	Sizes       map[string]adapter.Sizes  `json:"sizes"` // by init/workload/variant
	Notes       map[string]string         `json:"notes"` // by init
	NeedsShell  map[string]bool           `json:"needs_shell"`
}

// sample is one boot.
type sample struct {
	Init       string  `json:"init"`
	Workload   string  `json:"workload"`
	Variant    string  `json:"variant"`
	Repetition int     `json:"rep"`
	Host       host    `json:"host"`
	Figures    figures `json:"values"`
}

// host is how a boot went for the machine that it ran on.
type host struct {
	Wall         float64  `json:"wall_s"`
	CPU          float64  `json:"qemu_cpu_s"`    // with boots side by side, others' may be in it
	ForeignCores float64  `json:"foreign_cores"` // what all other processes used
	Errors       []string `json:"errors"`        // none of a boot that went well
	Attempt      int      `json:"attempt"`
	Load         float64  `json:"load1"`
}

// place is where a figure is measured.
type place struct{ init, workload, variant string }

func (s sample) place() place { return place{s.Init, s.Workload, s.Variant} }

// figures are the values of a figure in the boots of one place that went well.
func (r *results) figures(at place, name string) []float64 {
	var values []float64
	for _, s := range r.Runs {
		if n, ok := s.Figures.number(name); ok && s.place() == at && len(s.Host.Errors) == 0 {
			values = append(values, n)
		}
	}
	return values
}

// save writes the results, whole or not at all.
func (r *results) save(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	if err := renameio.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return nil
}

// loadAverage is /proc/loadavg's.
func loadAverage() (load [3]float64) {
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &load[0], &load[1], &load[2]) // for the record only
	}
	return load
}

// firstLine reads the first line of a file, for the record only.
func firstLine(file string) string {
	text, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
