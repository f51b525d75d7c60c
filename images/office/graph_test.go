//go:build full

package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"clarityos/images"
	"clarityos/learn/graph"
	"clarityos/learn/status"
	"clarityos/qemu"
)

// boots is after how many boots what is learned is held to the truth.
const boots = 3

// least is the recall and the precision that it has to have.
const least = 0.95

// TestGraph learns the office in three boots: which service needs or uses which.
func TestGraph(t *testing.T) {
	want := map[graph.Pair]bool{}
	for _, u := range truth(t) {
		want[graph.Pair{Unit: u.User, On: u.Owner}] = true
	}
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true, Override: images.Override{Overlays: []string{"disk.toml"}}})
	if err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, Disk: t.TempDir() + "/var", DiskSize: img.DataSize})
	for boot := range boots {
		if boot > 0 {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			err := m.Reboot(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
		}
		m.Must(limit, m.AgentReady())
		m.Must(limit, m.Prints("clarityctl status", qemu.Has("default.target reached")))
		works(t, m)
		var recall, precision float64
		var wrong, missing []string
		_ = m.Await(t.Context(), settle, qemu.Eventually("the pairs that there are", func(ctx context.Context) error {
			res, err := m.Shell(ctx, "clarityctl graph --json")
			if err != nil {
				return err
			}
			var v struct {
				Boots int
				Edges []status.Edge
			}
			if err := json.Unmarshal(res.Stdout, &v); err != nil {
				return err
			}
			if v.Boots != boot+1 {
				return fmt.Errorf("it is of %d boots", v.Boots)
			}
			recall, precision, wrong, missing = compare(want, v.Edges)
			if recall < 1 || precision < 1 {
				return errors.New("not yet")
			}
			return nil
		})) // the figures say it all
		t.Logf("after %d boots: recall %.3f, precision %.3f; missing %q, wrong %q; %s", boot+1, recall, precision, missing, wrong, m.MustShell(limit, "clarityctl graph | head -n 1"))
		if boot+1 == boots && (recall < least || precision < least) {
			t.Errorf("recall %.3f, precision %.3f, wanted %.2f\n%s", recall, precision, least, m.MustShell(limit, "clarityctl graph --all"))
		}
	}
}

// compare holds the pairs that are learned, of whatever kind, to those that there are.
func compare(want map[graph.Pair]bool, edges []status.Edge) (recall, precision float64, wrong, missing []string) {
	got := map[graph.Pair]bool{}
	for _, e := range edges {
		switch e.Verdict {
		case graph.Hard, graph.Ordering, graph.Runtime:
			got[graph.Pair{Unit: e.Unit, On: e.On}] = true
		}
	}
	right := 0
	for p := range got {
		if want[p] {
			right++
		} else {
			wrong = append(wrong, p.Unit+" "+p.On)
		}
	}
	for p := range want {
		if !got[p] {
			missing = append(missing, p.Unit+" "+p.On)
		}
	}
	if right > 0 {
		recall, precision = float64(right)/float64(len(want)), float64(right)/float64(len(got))
	}
	return recall, precision, wrong, missing
}
