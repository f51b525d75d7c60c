package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"clarityos/services/control"
)

// The interface's text names the methods that there are, and no others.
func TestDescription(t *testing.T) {
	source, err := os.ReadFile("methods.go")
	if err != nil {
		t.Fatal(err)
	}
	found := func(expr, text string) []string {
		var names []string
		for _, m := range regexp.MustCompile(expr).FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	carried, told := found(`case "([A-Z]\w*)":`, string(source)), found(`(?m)^method (\w+)\(`, control.Description)
	if !slices.Equal(carried, told) || len(told) < 10 {
		t.Errorf("PID 1 carries out %q and tells of %q", carried, told)
	}
}
