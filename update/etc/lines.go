package etc

import "slices"

// differMost bounds what is compared line by line, as the product of the numbers of lines that are
// left when those that begin and end both texts are the same: 2 MiB of memory.
const differMost = 1 << 20

// hunk is a change of a text: other lines in the place of some, which may be none.
type hunk struct {
	from, to int // of the lines before
	lines    []string
}

// mergeLines makes both changes of a text, if neither touches the other; a change that both sides
// have made is made once. (The idea is that of diff3; Khanna, Kunal and Pierce, A Formal
// Investigation of Diff3, 2007.)
func mergeLines(base, ours, theirs []string) (merged []string, ok bool) {
	a, okA := differ(base, ours)
	b, okB := differ(base, theirs)
	if !okA || !okB {
		return nil, false
	}
	at := 0
	for len(a)+len(b) > 0 {
		var h hunk
		switch {
		case len(a) > 0 && len(b) > 0 && a[0].from <= b[0].to && b[0].from <= a[0].to:
			if a[0].from != b[0].from || a[0].to != b[0].to || !slices.Equal(a[0].lines, b[0].lines) {
				return nil, false
			}
			h, a, b = a[0], a[1:], b[1:]
		case len(b) == 0 || len(a) > 0 && a[0].from < b[0].from:
			h, a = a[0], a[1:]
		default:
			h, b = b[0], b[1:]
		}
		merged = append(append(merged, base[at:h.from]...), h.lines...)
		at = h.to
	}
	return append(merged, base[at:]...), true
}

// differ gives the fewest changes by which one text becomes another, in their order, by a longest
// common subsequence of the lines.
func differ(from, to []string) (all []hunk, ok bool) {
	begin := 0
	for begin < min(len(from), len(to)) && from[begin] == to[begin] {
		begin++
	}
	end := 0
	for end < min(len(from), len(to))-begin && from[len(from)-1-end] == to[len(to)-1-end] {
		end++
	}
	a, b := from[begin:len(from)-end], to[begin:len(to)-end]
	if len(a)*len(b) > differMost {
		return nil, false
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]uint16, len(a)+1)
	for i := range common {
		common[i] = make([]uint16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			i, j = i+1, j+1
			continue
		}
		h := hunk{from: begin + i}
		for (i < len(a) || j < len(b)) && !(i < len(a) && j < len(b) && a[i] == b[j]) {
			if j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1] {
				i++
			} else {
				h.lines = append(h.lines, b[j])
				j++
			}
		}
		h.to = begin + i
		all = append(all, h)
	}
	return all, true
}
