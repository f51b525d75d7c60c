package report

import (
	"reflect"
	"testing"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/status"
)

func edge(unit, on string, v graph.Verdict) status.Edge {
	return status.Edge{Unit: unit, On: on, Verdict: v, P: .969, Seen: 1, Both: 1, Objects: []string{"unix /run/x"}, Why: []string{"a reason with <angles>"}, Span: 500 * time.Millisecond}
}

func TestStartedBy(t *testing.T) {
	for _, c := range []struct {
		r    status.GraphReply
		want string
	}{
		{status.GraphReply{Ordered: true}, "this one was started by what they taught"},
		{status.GraphReply{Ordered: true, Off: 2, OffWhy: "a.service failed"}, "this one was started by what they taught, and the next 2 boots will be as declared: a.service failed"},
	} {
		if got := StartedBy(c.r); got != c.want {
			t.Errorf("%q", got)
		}
	}
}

func TestDiff(t *testing.T) {
	before := []status.Edge{edge("a.service", "b.service", graph.Ordering), edge("a.service", "c.service", graph.Runtime), edge("a.service", "d.service", graph.Hard)}
	now := []status.Edge{edge("a.service", "b.service", graph.Ordering), edge("a.service", "c.service", graph.Hard), edge("e.service", "b.service", graph.Unsure), edge("f.service", "b.service", graph.Coincidence)}
	want := []Difference{
		{Pair: graph.Pair{Unit: "a.service", On: "c.service"}, Before: graph.Runtime, After: graph.Hard},
		{Pair: graph.Pair{Unit: "a.service", On: "d.service"}, Before: graph.Hard, After: Nothing},
		{Pair: graph.Pair{Unit: "e.service", On: "b.service"}, Before: Nothing, After: graph.Unsure},
	}
	if got := Diff(before, now); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
