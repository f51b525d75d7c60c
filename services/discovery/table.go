package discovery

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"clarityos/services/bus"
)

// Topics is what a Table is made of.
func Topics() []bus.Pattern {
	return []bus.Pattern{"discovery.*", "unit.state", "health.state"}
}

// Unknown is the health of a unit that nothing probes, or not often enough yet.
const Unknown = "unknown"

// Entry is one place at which a unit can be found. Its protocol is a guess, "" when
// there is none.
type Entry struct {
	Name string `json:"name"` // the unit's without its kind
	bus.DiscoveryEndpoint
	Health string `json:"health"` // healthy, unhealthy or unknown
}

// Table is what the bus has said so far. Use New. It is bounded by what the bus keeps
// and not safe for concurrent use.
type Table struct {
	seq       uint64 // of the newest message
	endpoints map[string]bus.DiscoveryEndpoint
	conflicts map[string]bus.DiscoveryConflict
	health    map[string]string // by unit, of those whose is known
	down      map[string]bool   // units that are
}

// New makes an empty table.
func New() *Table {
	return &Table{endpoints: map[string]bus.DiscoveryEndpoint{}, conflicts: map[string]bus.DiscoveryConflict{},
		health: map[string]string{}, down: map[string]bool{}}
}

// Take folds a message. One of other topics, or whose body the bus would have refused,
// says nothing.
func (t *Table) Take(m bus.Message) {
	t.seq = max(t.seq, m.Seq)
	if m.Gone {
		switch m.Topic {
		case "discovery.endpoint":
			delete(t.endpoints, m.Key)
		case "discovery.conflict":
			delete(t.conflicts, m.Key)
		case "health.state":
			delete(t.health, m.Key)
		case "unit.state":
			delete(t.down, m.Key)
		}
		return
	}
	b, err := bus.Decode(m)
	if err != nil {
		return
	}
	switch b := b.(type) {
	case *bus.DiscoveryEndpoint:
		t.endpoints[b.Endpoint] = *b
	case *bus.DiscoveryConflict:
		t.conflicts[b.Endpoint] = *b
	case *bus.HealthState:
		t.health[b.Unit] = b.State
		if b.State != "healthy" && b.State != "unhealthy" {
			delete(t.health, b.Unit)
		}
	case *bus.UnitState:
		t.down[b.Unit] = true
		if b.Active != "inactive" && b.Active != "failed" {
			delete(t.down, b.Unit)
		}
	}
}

// Entries gives what can be found, without that of units that are down: their sockets
// are gone, though who sees sockets may have been away then. The order is that of
// names, and of one name that in which one would use them.
func (t *Table) Entries() []Entry {
	type placed struct {
		Entry
		preference
	}
	all := []placed{}
	for _, e := range t.endpoints {
		if t.down[e.Unit] {
			continue
		}
		e.Protocol = cmp.Or(e.Protocol, Guess(e.Endpoint, e.Unit))
		all = append(all, placed{Entry{nameOf(e.Unit), e, cmp.Or(t.health[e.Unit], Unknown)}, prefer(e)})
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit), a.preference.compare(b.preference), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	out := make([]Entry, 0, len(all))
	for _, p := range all {
		out = append(out, p.Entry)
	}
	return out
}

// Conflicts gives who wants what another unit has, in the order of endpoints.
func (t *Table) Conflicts() []bus.DiscoveryConflict {
	out := make([]bus.DiscoveryConflict, 0, len(t.conflicts))
	for _, e := range slices.Sorted(maps.Keys(t.conflicts)) {
		out = append(out, t.conflicts[e])
	}
	return out
}

func nameOf(unit string) string { return strings.TrimSuffix(unit, path.Ext(unit)) }

// Change is what has become of an entry: "+" it came, "-" it went, "~" it is another's
// or in another state.
type Change struct {
	Change string `json:"change"`
	Entry
}

// Diff gives what has changed between entries, those that went first.
func Diff(before, after []Entry) []Change {
	old := map[string]Entry{}
	for _, e := range before {
		old[e.Endpoint] = e
	}
	var came, went []Change
	for _, e := range after {
		was, known := old[e.Endpoint]
		switch {
		case !known:
			came = append(came, Change{"+", e})
		case was != e:
			came = append(came, Change{"~", e})
		}
		delete(old, e.Endpoint)
	}
	for _, e := range before {
		if _, left := old[e.Endpoint]; left {
			went = append(went, Change{"-", e})
		}
	}
	return append(went, came...)
}
