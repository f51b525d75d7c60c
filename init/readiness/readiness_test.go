package readiness

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"clarityos/services/plan"
)

func TestMissing(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	check := func(m plan.Mark, want bool) {
		t.Helper()
		missing := Missing([]plan.Mark{{Kind: "file", Name: dir}, m})
		if got := missing == ""; got != want {
			t.Errorf("%+v: %q is missing", m, missing)
		}
	}
	for _, kind := range []string{"unix", "file", "fifo", "device", "mount"} {
		check(plan.Mark{Kind: kind, Name: path("x")}, false)
	}
	if err := os.WriteFile(path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check(plan.Mark{Kind: "file", Name: path("file")}, true)
	check(plan.Mark{Kind: "mount", Name: path("file")}, false)
	check(plan.Mark{Kind: "mount", Name: "/proc"}, true)
	check(plan.Mark{Kind: "bus", Name: "org.example"}, true)

	for kind, network := range map[string]string{"stream": "unix", "datagram": "unixgram", "packet": "unixpacket"} {
		at := path(kind)
		check(plan.Mark{Kind: "unix", Name: at}, false)
		closes := listen(t, network, at)
		check(plan.Mark{Kind: "unix", Name: at}, true)
		closes()
		if err := os.WriteFile(at, nil, 0o600); err != nil { // a file that was left behind is no socket
			t.Fatal(err)
		}
		check(plan.Mark{Kind: "unix", Name: at}, false)
	}
	for _, network := range []string{"tcp", "tcp6", "udp"} {
		at, closes := listenInet(t, network)
		check(plan.Mark{Kind: network[:3], Name: at}, true)
		closes()
		check(plan.Mark{Kind: network[:3], Name: at}, false)
	}
}

func listen(t *testing.T, network, at string) func() {
	t.Helper()
	if network == "unixgram" {
		c, err := net.ListenUnixgram(network, &net.UnixAddr{Name: at, Net: network})
		if err != nil {
			t.Fatal(err)
		}
		return func() { c.Close(); os.Remove(at) }
	}
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}

func listenInet(t *testing.T, network string) (at string, closes func()) {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return c.LocalAddr().String(), func() { c.Close() }
	}
	l, err := net.Listen(network, map[string]string{"tcp": "127.0.0.1:0", "tcp6": "[::1]:0"}[network])
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), func() { l.Close() }
}
