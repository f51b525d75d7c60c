//go:build full

package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"clarityos/images"
	"clarityos/learn/graph"
)

// What an image of services that declare nothing needs is told from what only happens
// beside it, and the image boots by it.
func TestTrain(t *testing.T) {
	img, _, err := images.Build(t.Context(), "../../images/undeclared/clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	c := newTrain()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{img.Dir, "--json", "--settle", "12s", "--timeout", "4m", "--boots", "9"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var r trained
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	var needs []graph.Pair
	for _, n := range r.Needs {
		needs = append(needs, n.Pair)
	}
	want := []graph.Pair{{Unit: "app.service", On: "store.service"}, {Unit: "reader.service", On: "maker.service"}}
	if !slices.Equal(needs, want) {
		t.Errorf("%+v", r)
	}
	for _, f := range r.Findings {
		needed := slices.Contains(want, f.Pair)
		if needed != (f.After == graph.Hard || f.After == graph.Ordering) {
			t.Errorf("%+v", f)
		}
	}
	t.Logf("%s", out.String())
}
