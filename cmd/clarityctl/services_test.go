package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/bus"
	"clarityos/services/discovery"
)

// entriesOf gives entries with these endpoints and units.
func entriesOf(t *testing.T, all ...bus.DiscoveryEndpoint) []discovery.Entry {
	t.Helper()
	table := discovery.New()
	for _, e := range all {
		m, err := bus.New(&e)
		if err != nil {
			t.Fatal(err)
		}
		table.Take(m)
	}
	return table.Entries()
}

func TestServicesText(t *testing.T) {
	s := Services{entriesOf(t,
		bus.DiscoveryEndpoint{Endpoint: "tcp:0.0.0.0:6379", Unit: "redis-server.service", Since: 5512345678 * time.Nanosecond},
		bus.DiscoveryEndpoint{Endpoint: "unix:@\x1b[2J\n x", Unit: "worse.service"}),
		[]bus.DiscoveryConflict{{Endpoint: "tcp:0.0.0.0:6379", Holder: "redis-server.service", Wants: "second.service"}}}
	want := `endpoint             unit                  protocol  since   health
tcp:0.0.0.0:6379     redis-server.service  redis     5.512s  unknown
"unix:@\x1b[2J\n x"  worse.service         -         -       unknown
conflict: second.service wants tcp:0.0.0.0:6379, which redis-server.service has
`
	if d := cmp.Diff(want, s.text()); d != "" {
		t.Error(d)
	}
}

func TestNotFound(t *testing.T) {
	all := entriesOf(t, bus.DiscoveryEndpoint{Endpoint: "tcp:0.0.0.0:6379", Unit: "redis-server.service"}, bus.DiscoveryEndpoint{Endpoint: "tcp:0.0.0.0:80", Unit: "nginx.service"})
	for _, c := range []struct {
		all              []discovery.Entry
		name, kind, want string
	}{
		{all, "redi", "", "no unit or protocol redi listens: near it are redis, redis-server"},
		{all, "redis", "unix", "redis has no endpoint of unix, but tcp:0.0.0.0:6379"},
		{all, "else\n", "", "no unit or protocol \"else\\n\" listens: `clarityctl services` lists who does"},
		{nil, "redis", "", "no unit or protocol redis listens: nobody is known to; images with `learn = true` see who does"},
	} {
		if got := notFound(c.all, c.name, c.kind).Error(); got != c.want {
			t.Errorf("%q is %q, not %q", c.name, got, c.want)
		}
	}
}
