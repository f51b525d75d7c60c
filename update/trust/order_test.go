package trust

import (
	"slices"
	"testing"
)

func TestSaveOrder(t *testing.T) {
	all := map[string][]byte{}
	want := []string{"2.root.json", "9.root.json", "10.root.json", "targets.json", "snapshot.json", "timestamp.json"}
	for _, name := range want {
		all[name] = nil
	}
	if got := saveOrder(all); !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}
