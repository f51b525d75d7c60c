package main

import (
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"clarityos/learn/draw"
	"clarityos/learn/graph"
	"clarityos/learn/report"
	"clarityos/learn/status"
	"clarityos/services/control"
	"clarityos/services/plan"
)

func edge(unit, on string, v graph.Verdict) status.Edge {
	return status.Edge{Unit: unit, On: on, Verdict: v, P: .969, Seen: 1, Both: 1, Objects: []string{"unix /run/x"}, Why: []string{"a reason with <angles>"}, Span: 500 * time.Millisecond}
}

func TestGraphView(t *testing.T) {
	r := status.GraphReply{Boots: 3, Edges: []status.Edge{
		edge("app.service", "db.service", graph.Hard), edge("app.service", "log.service", graph.Runtime), edge("app.service", "x.service", graph.Coincidence),
		edge("db.service", "disk.service", graph.Ordering), edge("web.service", "app.service", graph.Ordering)}}
	declared := []control.UnitRelations{
		{Name: "app.service", Relations: plan.Relations{After: []string{"x.service", "basic.target"}}},
		{Name: "db.service", Relations: plan.Relations{After: []string{"some.target", "clarity-log.service"}}},
		{Name: "some.target", Relations: plan.Relations{After: []string{"disk.service"}}},
		{Name: "web.service", Relations: plan.Relations{SoftAfter: []plan.SoftAfter{{Unit: "app.service"}}}},
	}
	v := graphView{report.GraphOf(r, declared, false)}
	want := graphView{report.Graph{Boots: 3, Start: "this one was started as declared", Edges: []status.Edge{r.Edges[0], r.Edges[1], r.Edges[3], r.Edges[4]},
		Undeclared: []graph.Pair{{Unit: "app.service", On: "db.service"}}, Unused: []graph.Pair{{Unit: "app.service", On: "x.service"}}}}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%+v", v)
	}
	if got := report.GraphOf(r, declared, true); len(got.Edges) != 5 {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{"of 3 boots; this one was started as declared\n", "app.service  hard      db.service    96.9%  1 of 1  unix /run/x\n", "Needed, and not declared:\n  app.service after db.service\n", "Declared, and never seen to be used:\n  app.service after x.service\n"} {
		if !strings.Contains(v.text(), want) {
			t.Errorf("no %q in %s", want, v.text())
		}
	}
	if got, want := dropIns(v), []dropIn{{"app.service.d/50-learned.conf", "[X-Clarity]\n# a reason with <angles>\nStartAfter=db.service 10s\n"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got, want := draw.Columns(v.Arrows()), [][]string{{"disk.service", "log.service"}, {"db.service"}, {"app.service"}, {"web.service"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if n := strings.Count(v.dot(), "->"); n != 4 {
		t.Errorf("%d arrows in %s", n, v.dot())
	}
	if elements(t, v.svg(), "path") != 5 {
		t.Errorf("%s", v.svg())
	}
	v.Edges = append(v.Edges, edge("disk.service", "web.service", graph.Ordering)) // a cycle
	if elements(t, v.svg(), "path") != 6 {
		t.Errorf("%s", v.svg())
	}
}

// elements counts those of a name in well-formed XML.
func elements(t *testing.T, text, name string) (n int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if s, ok := token.(xml.StartElement); ok && s.Name.Local == name {
			n++
		}
	}
}
