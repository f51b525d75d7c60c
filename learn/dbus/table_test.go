package dbus

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func isUp(unit string) bool { return unit != "down.service" }

func words(facts []Fact) (out []string) {
	for _, f := range facts {
		switch f.What {
		case Owned:
			out = append(out, fmt.Sprintf("%s has %s since %d", f.Unit, f.Name, f.At))
		case Lost:
			out = append(out, "nobody has "+f.Name)
		case Called:
			out = append(out, fmt.Sprintf("%s calls %s at %d", f.Unit, f.Name, f.At))
		}
	}
	return out
}

// happens are what happens on a bus.
type happens func(*table) []Fact

func opens(unique string) happens { return func(t *table) []Fact { t.opened(unique); return nil } }
func ends(unique string) happens  { return func(t *table) []Fact { t.ended(unique); return nil } }
func isOf(unique, unit string) happens {
	return func(t *table) []Fact { return t.of(unique, unit, known) }
}
func isMissed(unique string) happens {
	return func(t *table) []Fact { return t.of(unique, "", missed) }
}
func hasEnded(unique string, pid uint32) happens {
	return func(t *table) []Fact { return t.process(unique, pid, "", true) }
}
func connects(pid uint32, unit string) happens {
	return func(t *table) []Fact { return t.connects(pid, unit) }
}
func has(unique, name string, at time.Duration) happens {
	return func(t *table) []Fact { return t.owned(name, unique, at) }
}
func calls(from, to string, at time.Duration) happens {
	return func(t *table) []Fact { return t.called(from, to, at) }
}
func busEnds(t *table) []Fact { return t.gone() }

func TestTable(t *testing.T) {
	const name, other = "org.example.DB", "org.example.Other"
	db := []happens{opens(":1"), isOf(":1", "db.service"), has(":1", name, 1)}
	web := []happens{opens(":2"), isOf(":2", "web.service")}
	owned := "db.service has org.example.DB since 1"
	for what, c := range map[string]struct {
		all     [][]happens
		want    []string
		unknown int
	}{
		"name, then process": {[][]happens{{opens(":1"), has(":1", name, 1), isOf(":1", "db.service")}}, []string{owned}, 0},
		"process, then name": {[][]happens{db}, []string{owned}, 0},
		"again":              {[][]happens{db, {has(":1", name, 2)}}, []string{owned}, 0},
		"given up":           {[][]happens{db, {has("", name, 2), has("", name, 3)}}, []string{owned, "nobody has org.example.DB"}, 0},
		"passed on":          {[][]happens{db, web, {has(":2", name, 2)}}, []string{owned, "web.service has org.example.DB since 2"}, 0},
		"passed on to no unit": {[][]happens{db, {opens(":2"), isOf(":2", ""), has(":2", name, 2), calls(":1", name, 3)}},
			[]string{owned, "nobody has org.example.DB"}, 0},
		"the bus's own": {[][]happens{web, {has(driver, driver, 0), calls(":2", driver, 1), calls(driver, ":2", 1)}}, nil, 0},
		"call":          {[][]happens{db, web, {calls(":2", name, 3)}}, []string{owned, "web.service calls org.example.DB at 3"}, 0},
		"call of a connection": {[][]happens{db, web, {calls(":2", ":1", 3), calls(":1", ":2", 4), calls(":1", ":99", 4)}},
			[]string{owned, "web.service calls org.example.DB at 3"}, 0},
		"call of a connection with two names": {[][]happens{db, web, {has(":1", other, 2), calls(":2", ":1", 3)}},
			[]string{owned, "db.service has org.example.Other since 2"}, 0},
		// What the bus starts for it has the name later; the call waits at the bus.
		"activation": {[][]happens{web, {calls(":2", name, 0)}, db}, []string{"web.service calls org.example.DB at 0", owned}, 0},
		"call before the process is known": {[][]happens{db, {opens(":2"), calls(":2", name, 3), calls(":2", name, 4), isOf(":2", "web.service")}},
			[]string{owned, "web.service calls org.example.DB at 3"}, 0},
		"call before the connection is known": {[][]happens{db, {calls(":2", name, 3)}, web}, []string{owned, "web.service calls org.example.DB at 3"}, 0},
		"call after the connection has ended": {[][]happens{db, web, {ends(":2"), ends(":2"), calls(":2", name, 3)}},
			[]string{owned, "web.service calls org.example.DB at 3"}, 0},
		"call of one that has ended":  {[][]happens{db, {opens(":2"), calls(":2", name, 3), isMissed(":2"), calls(":2", name, 4)}}, []string{owned}, 2},
		"connected, then forked":      {[][]happens{web, {connects(9, "db.service"), opens(":1"), has(":1", name, 1), calls(":2", name, 3), hasEnded(":1", 9)}}, []string{"web.service calls org.example.DB at 3", owned}, 0},
		"that is seen later":          {[][]happens{web, {opens(":1"), hasEnded(":1", 9), has(":1", name, 1), calls(":2", name, 3), connects(8, "x.service"), connects(9, "db.service")}}, []string{"web.service calls org.example.DB at 3", owned}, 0},
		"that is seen when it's over": {[][]happens{{connects(9, "x.service"), opens(":1"), hasEnded(":1", 9), opens(":2"), hasEnded(":2", 9), has(":2", name, 1)}}, nil, 0},
		"that is never told":          {[][]happens{web, {connects(2, "web.service"), connects(9, "db.service"), connects(7, "down.service"), opens(":1"), isMissed(":1"), has(":1", name, 1), calls(":2", name, 3), calls(":2", name, 3+settle)}}, []string{"web.service calls org.example.DB at 3", owned, "web.service calls org.example.DB at 10000000003"}, 0},
		"that is one of two units":    {[][]happens{web, {connects(8, "x.service"), connects(9, "db.service"), opens(":1"), isMissed(":1"), has(":1", name, 1), calls(":2", name, 3), calls(":2", name, 3+settle)}}, []string{"web.service calls org.example.DB at 3", "web.service calls org.example.DB at 10000000003"}, 0},
		"that is one of two names":    {[][]happens{web, {connects(9, "db.service"), opens(":1"), isMissed(":1"), has(":1", name, 1), opens(":3"), isMissed(":3"), has(":3", other, 1), calls(":2", name, 3), calls(":2", name, 3+settle)}}, []string{"web.service calls org.example.DB at 3", "web.service calls org.example.DB at 10000000003"}, 0},
		"that is never told, again":   {[][]happens{{connects(9, "db.service"), opens(":1"), isOf(":1", "db.service"), busEnds}, web, {opens(":1"), isMissed(":1"), has(":1", name, 1), calls(":2", name, 3), calls(":2", name, 3+settle)}}, []string{"web.service calls org.example.DB at 3", owned, "web.service calls org.example.DB at 10000000003"}, 0},
		"call of no unit":             {[][]happens{db, {opens(":2"), isOf(":2", ""), calls(":2", name, 3)}}, []string{owned}, 0},
		"the bus ends":                {[][]happens{db, web, {busEnds, busEnds}, db}, []string{owned, "nobody has org.example.DB", owned}, 0},
	} {
		table := newTable(isUp)
		var got []Fact
		for _, part := range c.all {
			for _, h := range part {
				got = append(got, h(table)...)
			}
		}
		if d := cmp.Diff(c.want, words(got)); d != "" || table.Unknown != c.unknown {
			t.Errorf("%s: %d unknown, wanted %d; %s", what, table.Unknown, c.unknown, d)
		}
	}
}

// Whatever happens, in whatever order, no more is remembered than there is room for,
// and what was told of a name is what is so.
func TestTableBounds(t *testing.T) {
	table := newTable(isUp)
	for n := range 3 * maxConnections {
		unique := fmt.Sprintf(":%d", n)
		table.opened(unique)
		for name := range 2 * maxEach {
			table.owned(fmt.Sprintf("org.n%d-%d", n, name), unique, 1)
		}
		table.called(fmt.Sprintf(":x%d", n), "org.none", 1)
	}
	if len(table.connections) != maxConnections || len(table.owners) != maxNames || len(table.waiting) != maxWaiting {
		t.Errorf("%d connections, %d names, %d calls wait", len(table.connections), len(table.owners), len(table.waiting))
	}
	if want := 2*maxConnections + 3*maxConnections*2*maxEach - maxNames; table.Dropped != want || table.Unknown != 3*maxConnections-maxWaiting {
		t.Errorf("%d dropped, wanted %d; %d unknown", table.Dropped, want, table.Unknown)
	}
	for n := range 3 * maxConnections {
		table.ended(fmt.Sprintf(":%d", n))
	}
	if len(table.connections) != maxClosed || len(table.closed) != maxClosed {
		t.Errorf("%d connections are left of those that were closed", len(table.connections))
	}
}

func TestTableTellsWhatIsSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, told := newTable(isUp), map[string]string{}
		take := func(facts []Fact) {
			for _, f := range facts {
				switch f.What {
				case Owned:
					told[f.Name] = f.Unit
				case Lost:
					delete(told, f.Name)
				}
			}
		}
		unique := rapid.SampledFrom([]string{":1", ":2", ":3"})
		name := rapid.SampledFrom([]string{"a.a", "b.b"})
		unit := rapid.SampledFrom([]string{"", "x.service", "y.service"})
		resolved := map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			u := unique.Draw(t, "connection")
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				table.opened(u)
			case 1:
				if !resolved[u] && table.connections[u] != nil {
					resolved[u] = true
					take(table.of(u, unit.Draw(t, "unit"), known))
				}
			case 2:
				take(table.owned(name.Draw(t, "name"), u, 1))
			case 3:
				take(table.owned(name.Draw(t, "name"), "", 1))
			case 4:
				take(table.called(u, name.Draw(t, "name"), 1))
			}
			so := map[string]string{}
			for n, o := range table.owners {
				if unit := table.unit(o.connection); unit != "" {
					so[n] = unit
				}
			}
			if d := cmp.Diff(so, told); d != "" {
				t.Fatalf("so, and told: %s", d)
			}
		}
	})
}
