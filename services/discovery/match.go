package discovery

import (
	"cmp"
	"slices"
	"strings"

	"clarityos/services/near"
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

// Near gives names and protocols that look like a name, the nearest first.
func Near(all []Entry, name string) []string {
	var names []string
	for _, e := range all {
		names = append(names, e.Name, e.Protocol)
	}
	return near.Names(names, name)
}
