package devices

import (
	"path"
	"strings"
)

// aliases are the lines of modules.alias, by the bus that their patterns start
// with, since there are thousands and each device asks.
type aliases map[string][]alias

type alias struct{ pattern, module string }

func parseAliases(text string) aliases {
	a := aliases{}
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "alias" {
			continue
		}
		a[bus(f[1])] = append(a[bus(f[1])], alias{f[1], f[2]})
	}
	return a
}

func bus(s string) string {
	b, _, _ := strings.Cut(s, ":")
	return b
}

// modules lists the modules whose pattern matches a device's alias, in the
// order of the file.
func (a aliases) modules(modalias string) []string {
	var out []string
	for _, l := range a[bus(modalias)] {
		if ok, err := path.Match(l.pattern, strings.ReplaceAll(modalias, "/", "_")); err == nil && ok {
			out = append(out, l.module)
		}
	}
	return out
}
