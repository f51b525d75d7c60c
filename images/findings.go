package images

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/services/plan"
)

// summarize joins findings that say the same of one file into one line,
// "file:1,4-7: A= B= message", for a person at build time. A unit with forty
// unenforced directives is one line, and none is dropped.
func summarize(findings []plan.Finding) []string {
	type group struct{ file, says string }
	lines, keys := map[group][]int{}, map[group][]string{}
	var order []group
	var rest []string
	for _, f := range findings {
		key, says, ok := strings.Cut(f.Message, "= ")
		if !ok || strings.Contains(key, " ") || f.Line == 0 {
			rest = append(rest, f.String())
			continue
		}
		g := group{f.File, says}
		if lines[g] == nil {
			order = append(order, g)
		}
		lines[g] = append(lines[g], f.Line)
		if key += "="; !slices.Contains(keys[g], key) {
			keys[g] = append(keys[g], key)
		}
	}
	var out []string
	for _, g := range order {
		out = append(out, fmt.Sprintf("%s:%s: %s %s", g.file, ranges(lines[g]), strings.Join(keys[g], " "), g.says))
	}
	return append(out, rest...)
}

// ranges writes numbers as 1,4-7.
func ranges(numbers []int) string {
	numbers = slices.Clone(numbers)
	slices.Sort(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] <= numbers[j]+1 {
			j++
		}
		if numbers[i] == numbers[j] {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}
