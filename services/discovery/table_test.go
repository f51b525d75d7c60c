package discovery

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clarityos/services/bus"
)

func told(t interface{ Fatal(...any) }, b bus.Body) bus.Message {
	m, err := bus.New(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whatever is said in whatever order: the entries are those endpoints whose units are
// not down, with the newest that was said of each.
func TestEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := New()
		var all []bus.Message // the model: the newest of each subject
		for range rapid.IntRange(0, 60).Draw(t, "messages") {
			unit := rapid.SampledFrom([]string{"a.service", "b.service", "b.scope"}).Draw(t, "unit")
			endpoint := rapid.SampledFrom([]string{"tcp:0.0.0.0:80", "tcp:127.0.0.1:9", "unix:/run/x", "bus:org.x", "odd"}).Draw(t, "endpoint")
			b := rapid.SampledFrom([]bus.Body{
				&bus.DiscoveryEndpoint{Endpoint: endpoint, Unit: unit, Since: time.Duration(rapid.IntRange(0, 3).Draw(t, "since"))},
				&bus.DiscoveryConflict{Endpoint: endpoint, Holder: unit, Wants: "c.service"},
				&bus.UnitState{Unit: unit, Active: rapid.SampledFrom([]string{"inactive", "failed", "activating", "active"}).Draw(t, "active")},
				&bus.HealthState{Unit: unit, State: rapid.SampledFrom([]string{"healthy", "unhealthy", "unknown"}).Draw(t, "health")},
			}).Draw(t, "body")
			m := told(t, b)
			if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
				m = bus.Withdraw(b)
			}
			table.Take(m)
			all = slices.DeleteFunc(all, func(o bus.Message) bool { return o.Topic == m.Topic && o.Key == m.Key })
			all = append(all, m)
		}

		said := func(topic, key string) bus.Body {
			for _, m := range all {
				if m.Topic == topic && m.Key == key && !m.Gone {
					b, err := bus.Decode(m)
					if err != nil {
						t.Fatal(err)
					}
					return b
				}
			}
			return nil
		}
		want, conflicts := map[string]Entry{}, 0
		for _, m := range all {
			if b := said(m.Topic, m.Key); b != nil && m.Topic == "discovery.conflict" {
				conflicts++
			} else if b != nil && m.Topic == "discovery.endpoint" {
				e := *b.(*bus.DiscoveryEndpoint)
				if u, ok := said("unit.state", e.Unit).(*bus.UnitState); ok && (u.Active == "inactive" || u.Active == "failed") {
					continue
				}
				health := "unknown"
				if h, ok := said("health.state", e.Unit).(*bus.HealthState); ok {
					health = h.State
				}
				e.Protocol = Guess(e.Endpoint, e.Unit)
				want[e.Endpoint] = Entry{Name: e.Unit[:1], DiscoveryEndpoint: e, Health: health}
			}
		}
		got := map[string]Entry{}
		entries := table.Entries()
		for _, e := range entries {
			got[e.Endpoint] = e
		}
		if d := cmp.Diff(want, got); d != "" || len(entries) != len(got) {
			t.Fatalf("%d entries of %d endpoints (-model +table):\n%s", len(entries), len(got), d)
		}
		if len(table.Conflicts()) != conflicts {
			t.Fatalf("%d conflicts, not %d", len(table.Conflicts()), conflicts)
		}
		if d := cmp.Diff(entries, table.Entries()); d != "" {
			t.Fatalf("the order is another one each time:\n%s", d)
		}
	})
}

// Who plays all changes back has the entries.
func TestDiff(t *testing.T) {
	some := rapid.MapOf(rapid.SampledFrom([]string{"tcp:0.0.0.0:1", "tcp:0.0.0.0:2", "unix:/x"}), rapid.SampledFrom([]string{"healthy", "unhealthy"}))
	entries := func(m map[string]string) (out []Entry) {
		table := New()
		for e, health := range m {
			unit := "u" + health + ".service"
			table.Take(told(t, &bus.DiscoveryEndpoint{Endpoint: e, Unit: unit}))
			table.Take(told(t, &bus.HealthState{Unit: unit, State: health}))
		}
		return table.Entries()
	}
	rapid.Check(t, func(t *rapid.T) {
		before, after := entries(some.Draw(t, "before")), entries(some.Draw(t, "after"))
		have := map[string]Entry{}
		for _, e := range before {
			have[e.Endpoint] = e
		}
		for _, c := range Diff(before, after) {
			_, there := have[c.Endpoint]
			if there == (c.Change == "+") || there && c.Change == "~" && have[c.Endpoint] == c.Entry {
				t.Fatalf("%+v of %+v", c, have)
			}
			if have[c.Endpoint] = c.Entry; c.Change == "-" {
				delete(have, c.Endpoint)
			}
		}
		want := map[string]Entry{}
		for _, e := range after {
			want[e.Endpoint] = e
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Fatal(d)
		}
	})
}

// of gives entries, one for each pair of endpoint and unit.
func of(t *testing.T, pairs ...string) []Entry {
	t.Helper()
	table := New()
	for i := 0; i < len(pairs); i += 2 {
		table.Take(told(t, &bus.DiscoveryEndpoint{Endpoint: pairs[i], Unit: pairs[i+1]}))
	}
	return table.Entries()
}

func endpoints(all []Entry) (out []string) {
	for _, e := range all {
		out = append(out, e.Endpoint)
	}
	return out
}

// What one would use first comes first.
func TestOrder(t *testing.T) {
	want := []string{"tcp:0.0.0.0:80", "tcp:127.0.0.1:443", "tcp:[::]:80", "tcp:10.0.0.1:80", "tcp:0.0.0.0:7", "tcp:0.0.0.0:81",
		"unix:/a", "unix:/b", "unix:@a", "udp:0.0.0.0:53", "udp:0.0.0.0:9", "vsock:3:1", "vsock:3:20", "bus:org.a", "odd"}
	var pairs []string
	for i := range want {
		pairs = append(pairs, want[len(want)-1-i], "x.service")
	}
	if d := cmp.Diff(want, endpoints(of(t, append(pairs, "tcp:0.0.0.0:1", "y.service")...))[:len(want)]); d != "" {
		t.Error(d)
	}
}

func TestMatch(t *testing.T) {
	all := of(t, "tcp:0.0.0.0:6379", "redis-server.service", "unix:/run/redis/redis-server.sock", "redis-server.service",
		"tcp:0.0.0.0:80", "nginx.service", "tcp:0.0.0.0:443", "nginx.service", "tcp:0.0.0.0:8080", "http.service", "tcp:0.0.0.0:6380", "redis-server@2.service")
	for i := range all {
		if all[i].Unit == "redis-server.service" {
			all[i].Health = "unhealthy"
		}
	}
	for _, c := range []struct {
		name, kind string
		want       []string
	}{
		{"nginx", "", []string{"tcp:0.0.0.0:80", "tcp:0.0.0.0:443"}},
		{"nginx.service", "https", []string{"tcp:0.0.0.0:443"}},
		{"http", "", []string{"tcp:0.0.0.0:8080"}}, // a unit's name before a protocol's
		{"http", "unix", nil},
		{"https", "", []string{"tcp:0.0.0.0:443"}},
		{"redis", "", []string{"tcp:0.0.0.0:6380", "tcp:0.0.0.0:6379", "unix:/run/redis/redis-server.sock"}}, // the one that is well first
		{"redis", "unix", []string{"unix:/run/redis/redis-server.sock"}},
		{"redis-server@2", "tcp", []string{"tcp:0.0.0.0:6380"}},
		{"", "", nil},
	} {
		if d := cmp.Diff(c.want, endpoints(Match(all, c.name, c.kind))); d != "" {
			t.Errorf("%q %q:\n%s", c.name, c.kind, d)
		}
	}
	for name, want := range map[string][]string{
		"ngimx": {"nginx"},
		"redi":  {"redis", "redis-server", "redis-server@2"},
		"rediz": {"redis", "redis-server", "redis-server@2"},
		"htp":   {"http"},
		"else":  nil,
	} {
		if d := cmp.Diff(want, Near(all, name)); d != "" {
			t.Errorf("near %q:\n%s", name, d)
		}
	}
}
