package workload

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testdata/original is what the Python program generated that this one took
// the workloads from: flat, dag with seed 8, dag with seed 1, chain.
func TestOriginal(t *testing.T) {
	want, err := os.ReadFile("testdata/original")
	if err != nil {
		t.Fatal(err)
	}
	byDefault, another := All(8), All(1)
	var got strings.Builder
	for _, w := range []Workload{byDefault[0], byDefault[1], another[1], byDefault[2]} {
		f := w.Facts()
		fmt.Fprintln(&got, "#", w.Name, f.Services, f.Work, f.CriticalPath, f.Ideal, f.Depth, strings.TrimSuffix(fmt.Sprintf("%.2f", f.MeanNeeds), "0"))
		for _, s := range w.Services {
			fmt.Fprintln(&got, strings.Join(s.Command(), " "))
		}
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Error(d)
	}
}

// Any seed gives a graph without a cycle, of the depth that was asked for.
func TestDag(t *testing.T) {
	for seed := range uint64(200) {
		w := dag(50, 8, seed)
		layer := map[string]int{}
		var place func(name string, above int) int
		place = func(name string, above int) int {
			if above > len(w.Services) {
				t.Fatalf("seed %d: %s needs itself", seed, name)
			}
			if at, ok := layer[name]; ok {
				return at
			}
			deepest := 0
			for _, s := range w.Services {
				if s.Name == name {
					for _, need := range s.Needs {
						deepest = max(deepest, place(need, above+1))
					}
				}
			}
			layer[name] = deepest + 1
			return deepest + 1
		}
		for _, s := range w.Services {
			place(s.Name, 0)
		}
		if f := w.Facts(); f.Depth != 8 {
			t.Errorf("seed %d: depth %d, want 8", seed, f.Depth)
		}
	}
}

func TestFind(t *testing.T) {
	found, err := Find(All(8), []string{"chain", "kills"})
	if err != nil || len(found) != 2 || found[0].Name != "chain" || found[1].Kills != 500 {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err := Find(All(8), []string{"ring"}); err == nil {
		t.Error("a workload that does not exist was found")
	}
}
