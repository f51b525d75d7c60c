package discovery

import "testing"

func TestGuess(t *testing.T) {
	for _, c := range []struct{ endpoint, unit, want string }{
		{"tcp:0.0.0.0:80", "hello.service", "http"},
		{"tcp:[::]:443", "hello.service", "https"},
		{"udp:0.0.0.0:443", "hello.service", "https"},
		{"tcp:127.0.0.1:6379", "second.service", "redis"},
		{"tcp:127.0.0.1:7000", "redis-server@7000.service", "redis"},
		{"tcp:127.0.0.1:5433", "postgresql@15-main.service", "postgresql"},
		{"tcp:0.0.0.0:22", "nginx.service", "ssh"}, // a port that is known says more
		{"tcp:0.0.0.0:2222", "ssh.service", "ssh"},
		{"tcp:0.0.0.0:123", "chrony.service", ""}, // NTP is of UDP
		{"udp:0.0.0.0:123", "chrony.service", "ntp"},
		{"udp:0.0.0.0:7000", "redis-server.service", ""}, // its daemons speak over streams
		{"tcp:0.0.0.0:4711", "hello.service", ""},
		{"unix:/dev/log", "hello.service", "syslog"},
		{"unix:/run/systemd/journal/dev-log", "clarity-log.service", "syslog"},
		{"unix:/run/systemd/journal/socket", "clarity-log.service", "journal"},
		{"unix:/var/run/docker.sock", "hello.service", "docker"},
		{"unix:/run/postgresql/.s.PGSQL.5432", "hello.service", "postgresql"},
		{"unix:/tmp/.s.PGSQL.5433", "hello.service", "postgresql"},
		{"unix:/run/systemd/resolve/io.systemd.Resolve", "hello.service", "varlink"},
		{"unix:@/tmp/.X11-unix/X0", "hello.service", "x11"},
		{"unix:/run/redis/redis-server.sock", "redis-server.service", "redis"},
		{"unix:/run/hello", "hello.service", ""},
		{"bus:org.example.Hello", "hello.service", "dbus"},
		{"vsock:4294967295:22", "ssh.service", ""},
		{"tcp:80", "", "http"}, // no address, but a port
		{"tcp:", "", ""},
		{"", "", ""},
		{"unix:", "", ""},
	} {
		if got := Guess(c.endpoint, c.unit); got != c.want {
			t.Errorf("Guess(%q, %q) is %q, not %q", c.endpoint, c.unit, got, c.want)
		}
	}
}

func TestReach(t *testing.T) {
	for endpoint, want := range map[string]string{
		"tcp:0.0.0.0:80":       "tcp:127.0.0.1:80",
		"udp:0.0.0.0:53":       "udp:127.0.0.1:53",
		"tcp:[::]:80":          "tcp:[::1]:80",
		"tcp:192.0.2.1:80":     "tcp:192.0.2.1:80",
		"tcp:127.0.0.1:80":     "tcp:127.0.0.1:80",
		"unix:0.0.0.0:80":      "unix:0.0.0.0:80",
		"vsock:4294967295:22":  "vsock:1:22",
		"vsock:3:22":           "vsock:3:22",
		"bus:org.example.Name": "bus:org.example.Name",
		"nonsense":             "nonsense",
	} {
		if got := Reach(endpoint); got != want {
			t.Errorf("Reach(%q) is %q, not %q", endpoint, got, want)
		}
	}
}
