package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// booted is a boot of a few units, in milliseconds: db took 200 to start, web
// waited for it, slow held nobody back, bad failed.
func booted() (control.StatusReply, []control.UnitRelations) {
	const ms = time.Millisecond
	up := func(name string, queued, begun, up time.Duration) supervisor.View {
		return supervisor.View{Name: name, Active: "active", Phase: supervisor.Running, Queued: queued * ms, Begun: begun * ms, Up: up * ms, Since: up * ms}
	}
	bad := supervisor.View{Name: "bad.service", Active: "failed", Phase: supervisor.Failed, Queued: 1000 * ms, Begun: 1000 * ms, Since: 1100 * ms, Cause: `it said "<no>" & ended`}
	r := control.StatusReply{
		Now: 9000 * ms, Kernel: 990 * ms, Summary: supervisor.Summary{Default: "default.target", BootTime: 1400 * ms},
		Units: []supervisor.View{
			bad, up("db.service", 1000, 1000, 1200), up("default.target", 1000, 1400, 1400),
			{Name: "idle.service", Active: "inactive", Phase: supervisor.Dead},
			up("later.service", 8000, 8000, 8500), up("slow.service", 1000, 1000, 1300), up("web.service", 1000, 1200, 1400),
		},
		Started: map[string]time.Duration{"web.service": 120 * ms},
	}
	after := func(name string, names ...string) control.UnitRelations {
		return control.UnitRelations{Name: name, Relations: plan.Relations{After: names}}
	}
	return r, []control.UnitRelations{
		after("bad.service"), after("db.service"), after("default.target", "bad.service", "slow.service", "web.service"),
		after("idle.service"), after("later.service", "web.service"), after("slow.service"), after("web.service", "db.service", "idle.service", "later.service"),
	}
}

func TestCriticalChain(t *testing.T) {
	r, relations := booted()
	order := newEdges(relations, inOrder, false)
	for unit, want := range map[string]string{
		"default.target": "default.target web.service db.service",
		"slow.service":   "slow.service",
		"later.service":  "later.service web.service db.service",
		"bad.service":    "",
		"none.service":   "",
	} {
		var got []string
		for _, l := range criticalChain(r, order, unit) {
			got = append(got, l.Unit)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", unit, got, want)
		}
	}
	if l := criticalChain(r, order, "web.service")[0]; l.Took != 200*time.Millisecond || l.Queued != 200*time.Millisecond || l.At != 410*time.Millisecond || l.CPU != 120*time.Millisecond {
		t.Errorf("%+v", l)
	}
}

// The chart is well-formed whatever causes say, has a row for every unit of the
// boot and none for others, and no bar leaves the time that is shown.
func TestChart(t *testing.T) {
	r, _ := booted()
	text := chart(r)
	var ids []string
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			if a.Name.Local == "id" {
				ids = append(ids, a.Value)
			}
			if strings.HasPrefix(a.Value, "-") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("%s %s=%s", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	want := []string{"bad.service", "db.service", "slow.service", "web.service", "default.target"}
	if !slices.Equal(ids, want) {
		t.Errorf("rows %q, want %q", ids, want)
	}
	for _, part := range []string{"failed: it said", "CPU 120ms", "default.target reached, 1.4s"} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %q:\n%s", part, text)
		}
	}
	if empty := chart(control.StatusReply{}); !strings.HasSuffix(empty, "</svg>\n") {
		t.Errorf("of nothing: %s", empty)
	}
}

// Each unit is unfolded once, where it is nearest to the root; cycles end.
func TestTree(t *testing.T) {
	pulls := func(name string, wants ...string) control.UnitRelations {
		return control.UnitRelations{Name: name, Relations: plan.Relations{Wants: wants}}
	}
	units := []control.UnitRelations{
		pulls("a", "b", "c"), pulls("b", "d"), pulls("c", "d", "a"), {Name: "d", Relations: plan.Relations{Requires: []string{"e"}, Wants: []string{"e"}}}, pulls("e"),
	}
	for _, tc := range []struct {
		root           string
		reverse, kinds bool
		want           string
	}{
		{"a", false, false, ". a\n. ├─b\n. │ └─d\n. │   └─e\n. └─c\n.   ├─a …\n.   └─d …\n"},
		{"d", false, true, ". d\n. └─e (Requires, Wants)\n"},
		{"d", true, false, ". d\n. ├─b\n. │ └─a\n. │   └─c …\n. └─c\n.   └─a …\n"},
		{"e", false, false, ". e\n"},
	} {
		marks := map[string]string{"a": ".", "b": ".", "c": ".", "d": ".", "e": "."}
		if got := newEdges(units, pullsIn, tc.reverse).tree(tc.root, tc.kinds).text(marks); got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", tc.root, got, tc.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 90 * time.Second: "1min 30s", 100 * time.Millisecond: "100ms", plan.Infinity: "infinity", 25 * time.Hour: "1d 1h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// What makes no sense is refused before PID 1 is asked.
func TestAnalyzeUsage(t *testing.T) {
	for args, want := range map[string]string{
		"analyze x":                   "a FILE is for --svg, --html or --report-json",
		"analyze -o x":                "a FILE is for --svg, --html or --report-json",
		"analyze --html x -o y":       "name FILE once",
		"analyze --settle":            "--settle is for --html and --report-json",
		"analyze --svg --settle":      "--settle is for --html and --report-json",
		"analyze --html --svg":        "none of the others can be",
		"analyze --html x y":          "accepts at most 1 arg(s)",
		"analyze --socket /none":      "/none",
		"analyze --html --socket /no": "/no",
	} {
		root := newRoot()
		root.SetArgs(strings.Fields(args))
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
