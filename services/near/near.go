// Package near finds names that look like one that is not there, for messages to people.
package near

import (
	"cmp"
	"slices"
	"strings"
)

// most is how many names a person is told.
const most = 8

// Names gives those of all that look like name, each once, the nearest first.
func Names(all []string, name string) []string {
	far := map[string]int{}
	for _, n := range all {
		if n == "" {
			continue
		}
		d := min(distance(n, name), 1+distance(n[:min(len(n), len(name))], name)) // of all, or of how it begins
		if d <= 1+len(name)/4 || strings.Contains(n, name) || strings.Contains(name, n) && 3*len(n) >= len(name) {
			far[n] = d
		}
	}
	var out []string
	for n := range far {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(far[a], far[b]), cmp.Compare(a, b)) })
	return out[:min(len(out), most)]
}

// distance is Levenshtein's: how many bytes have to be changed, added or removed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
