package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"clarityos/learn/profiles"
	"clarityos/learn/status"
)

var profiled = []status.ProfileReply{
	{Unit: `<a>&"b".service`, Runs: 4, Restarts: 1, Before: 2, Phase: profiles.Start, Measures: []status.MeasureView{
		{Measure: profiles.Duration, Unit: "s", Median: .25, P95: .5, Last: 2, Count: 4, Weight: 3, Bars: [][3]float64{{.23, .25, .9}, {.5, .53, .1}}},
		{Measure: profiles.Restarts, Bars: [][3]float64{{0, 0, 1}}},
	}},
	{Phase: profiles.Steady, Measures: []status.MeasureView{{Measure: profiles.CPU, Unit: "s/s", Median: .02}, {Measure: profiles.Sent, Unit: "B/s", Median: 2048}}},
	{Phase: profiles.Stop},
}

func TestProfileText(t *testing.T) {
	got := profileText(profiled)
	for _, want := range []string{"4 runs, 1 of them automatic restarts; 2 before its binary or configuration changed",
		"start       median  p95    last  values\n", "  duration  250ms   500ms  2s    4\n", "2% CPU", "2.0 KiB/s"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "stop") {
		t.Errorf("a phase of which nothing is known is shown:\n%s", got)
	}
}

// The plot is well-formed XML whatever a unit is called, and has a panel for each
// measure, with a bar for each bucket.
func TestProfilePlot(t *testing.T) {
	plot := profilePlot(profiled)
	dec := xml.NewDecoder(strings.NewReader(plot))
	panels, bars, title := 0, 0, ""
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, plot)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "g" {
				panels++
			}
			for _, a := range tok.Attr {
				if a.Value == "bar" {
					bars++
				}
			}
		case xml.CharData:
			if strings.Contains(string(tok), " runs") {
				title = string(tok)
			}
		}
	}
	if panels != 4 || bars != 3 || !strings.HasPrefix(title, profiled[0].Unit) {
		t.Errorf("%d panels, %d bars, title %q in:\n%s", panels, bars, title, plot)
	}
}
