package discovery

import (
	"cmp"
	"slices"
	"strings"
)

// Match gives where a name can be found: the places of the unit of that name, with or
// without its kind, else those at which a protocol of that name is likely to be spoken.
// Kind, unless "", leaves only those of a transport or protocol. Who is unhealthy comes
// last, else the order stays.
func Match(all []Entry, name, kind string) (out []Entry) {
	for _, e := range all {
		if e.Unit == name || e.Name == name {
			out = append(out, e)
		}
	}
	if out == nil {
		for _, e := range all {
			if e.Protocol == name {
				out = append(out, e)
			}
		}
	}
	out = slices.DeleteFunc(out, func(e Entry) bool {
		transport, _ := Split(e.Endpoint)
		return kind != "" && kind != transport && kind != e.Protocol
	})
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Compare(strings.Count(a.Health, "unhealthy"), strings.Count(b.Health, "unhealthy"))
	})
	return out
}

// maxNear is how many names a person is told.
const maxNear = 8

// Near gives names and protocols that look like a name, the nearest first.
func Near(all []Entry, name string) []string {
	far := map[string]int{}
	for _, e := range all {
		for _, n := range []string{e.Name, e.Protocol} {
			if n == "" {
				continue
			}
			d := min(distance(n, name), 1+distance(n[:min(len(n), len(name))], name)) // of all, or of how it begins
			if d <= 1+len(name)/4 || strings.Contains(n, name) || strings.Contains(name, n) {
				far[n] = d
			}
		}
	}
	var out []string
	for n := range far {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(far[a], far[b]), cmp.Compare(a, b)) })
	return out[:min(len(out), maxNear)]
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
