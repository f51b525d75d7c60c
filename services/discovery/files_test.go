package discovery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clarityos/services/bus"
)

func TestFiles(t *testing.T) {
	got := Files(of(t,
		"tcp:0.0.0.0:6379", "redis-server.service", "tcp:[::1]:6379", "redis-server.service", "unix:/run/redis/redis-server.sock", "redis-server.service",
		"tcp:[::]:4711", "9p@a\\x2db.service", "udp:0.0.0.0:53", "dns.service", "tcp:0.0.0.0:53", "dns.service",
		"vsock:4294967295:22", "v.service", "bus:org.example.V", "v.service", "unix:@v", "v.service"))
	want := map[string]string{
		List: `9p@a\x2db tcp:[::1]:4711 - 9p@a\x2db.service
dns tcp:127.0.0.1:53 domain dns.service
dns udp:127.0.0.1:53 domain dns.service
redis-server tcp:127.0.0.1:6379 redis redis-server.service
redis-server tcp:[::1]:6379 redis redis-server.service
redis-server unix:/run/redis/redis-server.sock redis redis-server.service
v unix:@v - v.service
v vsock:1:22 - v.service
v bus:org.example.V dbus v.service
`,
		`9p@a\x2db.env`: `_9P_A_X2DB_TCP=[::1]:4711
_9P_A_X2DB_TCP_HOST=::1
_9P_A_X2DB_TCP_PORT=4711
`,
		"dns.env": `DNS_TCP=127.0.0.1:53
DNS_TCP_HOST=127.0.0.1
DNS_TCP_PORT=53
DNS_DOMAIN=127.0.0.1:53
DNS_DOMAIN_HOST=127.0.0.1
DNS_DOMAIN_PORT=53
DNS_UDP=127.0.0.1:53
DNS_UDP_HOST=127.0.0.1
DNS_UDP_PORT=53
`,
		"redis-server.env": `REDIS_SERVER_TCP=127.0.0.1:6379
REDIS_SERVER_TCP_HOST=127.0.0.1
REDIS_SERVER_TCP_PORT=6379
REDIS_SERVER_REDIS=127.0.0.1:6379
REDIS_SERVER_REDIS_HOST=127.0.0.1
REDIS_SERVER_REDIS_PORT=6379
REDIS_SERVER_UNIX=/run/redis/redis-server.sock
`,
		"v.env": `V_UNIX=@v
V_VSOCK=1:22
V_VSOCK_CID=1
V_VSOCK_PORT=22
V_BUS=org.example.V
`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{List: ""}, Files(nil)); d != "" {
		t.Error(d)
	}
}

// Whatever units and endpoints are called: each line of a file is what it should be,
// and each variable is its own unit's.
func TestHostile(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]string{"\n", "LD_PRELOAD=/x", "\nPATH=/x\n", "'", "\"", "\\", "$(x)", "#", " ", "a", "..", "/", "\x00", "é", "tcp:1.2.3.4:5\n", strings.Repeat("x", 4096)}), rapid.String())
	text := rapid.Map(rapid.SliceOfN(word, 0, 3), func(parts []string) string { return strings.Join(parts, "") })
	rapid.Check(t, func(t *rapid.T) {
		table := New()
		for range rapid.IntRange(1, 8).Draw(t, "endpoints") {
			table.Take(told(t, &bus.DiscoveryEndpoint{
				Endpoint: rapid.SampledFrom([]string{"unix:/", "unix:@", "tcp:", "tcp:1.2.3.4:5", "bus:", "vsock:1:", ""}).Draw(t, "kind") + text.Draw(t, "address"),
				Unit:     rapid.SampledFrom([]string{"", "a", "../"}).Draw(t, "name") + text.Draw(t, "unit") + ".service",
				Protocol: text.Draw(t, "protocol"),
			}))
		}
		for name, content := range Files(table.Entries()) {
			service, isEnv := strings.CutSuffix(name, ".env")
			if strings.Contains(name, "/") || !isEnv && name != List {
				t.Fatalf("a file %q", name)
			}
			for l := range strings.Lines(content) {
				switch {
				case !strings.HasSuffix(l, "\n") || len(l) > 4*256:
					t.Fatalf("%s has the line %q", name, l)
				case name == List && len(strings.Fields(l)) != 4:
					t.Fatalf("%s has the line %q", name, l)
				case isEnv:
					key, value, ok := strings.Cut(strings.TrimSuffix(l, "\n"), "=")
					if !ok || !strings.HasPrefix(key, variable(service)+"_") || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || strings.ContainsAny(value, " \t\r'\"\\#;$`\x00") {
						t.Fatalf("%s has the line %q", name, l)
					}
				}
			}
		}
	})
}

// A thousand services with as many endpoints have bounded files.
func TestBounds(t *testing.T) {
	table := New()
	for i := range 1000 {
		for j := range 20 {
			path := fmt.Sprintf("unix:/%0200d", 20*i+j)
			table.Take(told(t, &bus.DiscoveryEndpoint{Endpoint: path, Unit: fmt.Sprintf("u%d.service", i)}))
		}
	}
	for i := range 1000 {
		table.Take(told(t, &bus.DiscoveryEndpoint{Endpoint: fmt.Sprintf("tcp:0.0.0.0:%d", i+1), Unit: "a.service", Protocol: fmt.Sprintf("p%d", i)}))
	}
	files := Files(table.Entries())
	if len(files) != maxFiles+1 {
		t.Errorf("%d files", len(files))
	}
	if n := len(files["a.env"]); n > maxFile || n < maxFile-500 {
		t.Errorf("a file of %d bytes", n)
	}
	if n := len(files[List]); n > maxList || n < maxList-1000 {
		t.Errorf("a list of %d bytes", n)
	}
	if names := slices.Sorted(maps.Keys(files)); names[0] != "a.env" {
		t.Errorf("the first file is %s", names[0])
	}
}
