package graph

import (
	"maps"
	"slices"
)

// Difference is what one boot, or a person, has changed in what is known of a pair.
type Difference struct {
	Pair
	Before Verdict `json:"before"` // "": there was no edge
	After  Verdict `json:"after"`  // likewise
}

// Diff gives the pairs whose verdict differs in two models, sorted.
func Diff(before, after *Model) (out []Difference) {
	pairs := map[Pair]bool{}
	for p := range before.Edges {
		pairs[p] = true
	}
	for p := range after.Edges {
		pairs[p] = true
	}
	for _, p := range slices.SortedFunc(maps.Keys(pairs), ComparePairs) {
		d := Difference{Pair: p}
		if e := before.Edges[p]; e != nil {
			d.Before = e.Verdict()
		}
		if e := after.Edges[p]; e != nil {
			d.After = e.Verdict()
		}
		if d.Before != d.After {
			out = append(out, d)
		}
	}
	return out
}
