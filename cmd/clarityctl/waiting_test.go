package main

import (
	"strings"
	"testing"
	"time"

	"clarityos/services/supervisor"
)

func TestTeller(t *testing.T) {
	holds := [][]supervisor.Hold{
		nil,
		{{Unit: "a.service", Phase: supervisor.Start, For: 2 * time.Second, Left: time.Minute}},
		{{Unit: "a.service", Phase: supervisor.Start, For: 3 * time.Second, Left: time.Minute}},
		{{Unit: "b.service", Phase: supervisor.Stop, For: time.Second}, {Unit: "c.service", Phase: supervisor.Start}},
	}
	for _, tc := range []struct {
		width int
		want  string
	}{
		// A plain line comes once for each reason.
		{0, "clarityctl: waits for a.service (start for 2s, at most 1m0s more)\n" +
			"clarityctl: waits for b.service (stop for 1s, without a limit), and for 1 more\n"},
		// On a terminal one line is written over and cleared at the end.
		{31, "\r\x1b[Kwaits for a.service (start fo…" + "\r\x1b[Kwaits for a.service (start fo…" +
			"\r\x1b[Kwaits for b.service (stop for…" + "\r\x1b[K"},
	} {
		var out strings.Builder
		teller := &teller{width: tc.width, out: &out}
		for _, h := range holds {
			teller.tell(h)
		}
		teller.clear()
		if out.String() != tc.want {
			t.Errorf("width %d:\n%q, want\n%q", tc.width, out.String(), tc.want)
		}
	}
}
