package status

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/trial"
	"clarityos/services/bus/client"
)

// GraphTopic is where the component answers requests about what it has learned.
const GraphTopic = "learn.graph"

// maxPage keeps a GraphReply within what a message of the bus may hold, in bytes.
const maxPage = 12 << 10

// GraphRequest asks for what is known of pairs of units, or changes it. Of Say, Forget
// and Before at most one is set.
type GraphRequest struct {
	After  graph.Pair  `json:"after,omitzero"`   // edges behind this one, for the next page
	Before bool        `json:"before,omitempty"` // what was known before this boot instead of what is
	Say    *Saying     `json:"say,omitempty"`
	Forget *graph.Pair `json:"forget,omitempty"` // as graph.Book.Forget
}

// Saying is a person's word on a pair.
type Saying struct {
	graph.Pair
	Said graph.Said `json:"said"`
}

// GraphReply is a page of the graph.
type GraphReply struct {
	Boots     int           `json:"boots"`            // that were learned of, this one included
	Notice    string        `json:"notice,omitempty"` // what is wrong with the file
	Edges     []Edge        `json:"edges"`
	More      bool          `json:"more,omitempty"`
	Ordered   bool          `json:"ordered"`             // this boot was started by what was learned
	Off       int           `json:"off,omitempty"`       // so many boots to come will not be
	OffWhy    string        `json:"offWhy,omitempty"`    // … for this reason
	Latest    []trial.Brief `json:"latest,omitempty"`    // how the latest boots went, the newest last
	Complete  bool          `json:"complete,omitempty"`  // this boot is, and is the last of Latest
	Forgotten int           `json:"forgotten,omitempty"` // how many pairs a request to forget has dropped
}

// Edge is what is known of a pair.
type Edge struct {
	Unit    string        `json:"unit"`
	On      string        `json:"on"`
	Verdict graph.Verdict `json:"verdict"`
	P       float64       `json:"p"`               // how sure it is that the one needs the other to start, 0 to 1
	Steady  float64       `json:"steady"`          // … uses it when it runs
	Seen    int           `json:"seen"`            // boots in which it was used
	Both    int           `json:"both"`            // boots in which both ran
	Objects []string      `json:"objects"`         // what is used, such as "unix /run/x"
	Why     []string      `json:"why"`             // in words
	Left    string        `json:"left,omitempty"`  // why a need is not acted on
	Kills   int           `json:"kills,omitempty"` // how often training has killed On while Unit ran
	Fell    int           `json:"fell,omitempty"`  // … and Unit failed soon after
	Span    time.Duration `json:"span"`            // of On: how long its start takes, as far as is known
}

// GraphOf gives the page of a model behind a pair. After is what is declared, as
// graph.Model.Needs takes it.
func GraphOf(m *graph.Model, after map[string][]string, behind graph.Pair) GraphReply {
	r := GraphReply{Boots: m.Boots, Edges: []Edge{}}
	left := map[graph.Pair]string{}
	for _, l := range m.Needs(after).Left {
		left[l.Pair] = l.Why
	}
	size := 0
	for _, p := range m.Pairs() {
		if graph.ComparePairs(p, behind) <= 0 {
			continue
		}
		e := m.Edges[p]
		v := Edge{Unit: p.Unit, On: p.On, Verdict: e.Verdict(), P: short(e.P()), Steady: short(e.Steady.P()), Seen: e.Seen, Both: e.Both,
			Objects: []string{}, Why: e.Why(p), Left: left[p], Span: m.Units[p.On].Span()}
		if t := e.Trained; t != nil {
			v.Kills, v.Fell = t.Kills, t.Fell
		}
		for _, o := range e.Objects {
			v.Objects = append(v.Objects, o.Kind+" "+o.Name)
		}
		raw, err := json.Marshal(v)
		if size += len(raw) + 1; size > maxPage && len(r.Edges) > 0 || err != nil {
			r.More = true
			break
		}
		r.Edges = append(r.Edges, v)
	}
	return r
}

// AskGraph asks the component at a bus for all edges, before this boot or now.
func AskGraph(ctx context.Context, path string, before bool) (GraphReply, error) {
	q := GraphRequest{Before: before}
	edges := []Edge{}
	for {
		r, err := tellGraph(ctx, path, q)
		if err != nil {
			return r, err
		}
		edges = append(edges, r.Edges...)
		if !r.More || len(r.Edges) == 0 {
			r.Edges = edges
			return r, nil
		}
		last := r.Edges[len(r.Edges)-1]
		q.After = graph.Pair{Unit: last.Unit, On: last.On}
	}
}

// SayGraph gives the component a person's word on a pair.
func SayGraph(ctx context.Context, path string, p graph.Pair, said graph.Said) error {
	_, err := tellGraph(ctx, path, GraphRequest{Say: &Saying{p, said}})
	return err
}

// ForgetGraph has the component forget pairs, and gives how many these were.
func ForgetGraph(ctx context.Context, path string, p graph.Pair) (int, error) {
	r, err := tellGraph(ctx, path, GraphRequest{Forget: &p})
	return r.Forgotten, err
}

func tellGraph(ctx context.Context, path string, q GraphRequest) (r GraphReply, err error) {
	if err = client.Ask(ctx, path, GraphTopic, q, &r, 5*time.Second); err != nil {
		return r, fmt.Errorf("ask for what was learned: %w", err)
	}
	return r, nil
}
