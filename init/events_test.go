package main

import (
	"fmt"
	"strings"
	"testing"

	"clarityos/services/control"
)

// What is kept is the latest, in order, of one unit or of all.
func TestHistory(t *testing.T) {
	var h history
	if got := h.last("", 0); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	units := []string{"a.service", "b.service"}
	for n := 1; n <= 3*keptEvents+7; n++ {
		h.add(control.Event{Unit: units[n%2], Message: fmt.Sprint(n)})
		all := h.last("", 0)
		if want := min(n, keptEvents); len(all) != want || all[0].Seq != uint64(n-want+1) || all[want-1].Seq != uint64(n) {
			t.Fatalf("after %d events: %d, the first %+v", n, len(all), all[0])
		}
		for i, e := range all {
			if e.Seq != all[0].Seq+uint64(i) || e.Message != fmt.Sprint(e.Seq) {
				t.Fatalf("after %d events, number %d: %+v", n, i, e)
			}
		}
	}
	var got []string
	for _, e := range h.last("a.service", 2) {
		got = append(got, e.Unit+" "+e.Message)
	}
	if text := strings.Join(got, ", "); text != "a.service 772, a.service 774" {
		t.Errorf("the last two of one unit: %s", text)
	}
}
