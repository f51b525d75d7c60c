package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/qemu/bench/workload"
)

func TestReadFigures(t *testing.T) {
	const console = "[    1.500000] some other line\r\n" +
		"half a line\r\nbench: first_ms 23.125\r\n\r\nbench: zombies 0\r\n" +
		"[   12.250000] bench: power off\r\n[ shutdown ] 50 services\r\n[   12.750000] reboot: Power down\r\n"
	got, err := readFigures(console)
	if err != nil {
		t.Fatal(err)
	}
	want := figures{workload.First: 23.125, workload.Zombies: 0, workload.PowerOff: 500}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"bench: failed 3 of 50 services are ready\n", "bench: zombies none\n"} {
		if got, err := readFigures(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

func TestStatistics(t *testing.T) {
	for _, tc := range []struct {
		values         []float64
		median, spread float64
	}{
		{nil, 0, 0},
		{[]float64{4}, 4, 0},
		{[]float64{9, 1, 2}, 2, 4},
		{[]float64{4, 1, 2, 3}, 2.5, 1.5},
	} {
		if m, s := median(tc.values), spread(tc.values); m != tc.median || s != tc.spread {
			t.Errorf("%v: got %v ± %v, want %v ± %v", tc.values, m, s, tc.median, tc.spread)
		}
	}
}

func TestTable(t *testing.T) {
	s := samples{}
	for _, v := range []float64{900, 1100, 1000} {
		s.add("flat", ours.name, figures{workload.Ready: v})
		s.add("flat", floor.name, figures{workload.Ready: v / 2})
	}
	const want = "| init to all ready, 50 at once, ms | 1000 ± 100 | 500 ± 50 | 2.00 | 1.5 × floor |"
	if got := table(s); !strings.Contains(got, want) {
		t.Errorf("no line\n%s\nin\n%s", want, got)
	}
}

// The figures that rows ask for exist in the shapes that they ask for, and no
// unit of ours needs something that ClarityOS does not enforce.
func TestTrees(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	for _, shape := range workload.Shapes() {
		if _, err := b.tree(shape); err != nil {
			t.Errorf("%s: %v", shape.Name, err)
		}
	}
	for _, r := range rows() {
		if _, err := workload.Find(r.shape); err != nil {
			t.Errorf("%s: %v", r.title, err)
		}
	}
}
