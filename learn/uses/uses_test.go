package uses

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/learn/observe"
	"clarityos/services/bus"
)

const (
	web, db, other = 1, 2, 3 // cgroups
)

func picture() *Picture {
	p := New(func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.2.15") })
	for id, path := range map[uint64]string{web: "/system.slice/web.service", db: "/system.slice/system-db.slice/db.service~2/inner", other: "/system.slice/other.service"} {
		p.Named(id, path)
	}
	return p
}

func connect(cgroup uint64, e observe.Endpoint, errno syscall.Errno) observe.Sight {
	return observe.Sight{Cgroup: cgroup, Kind: observe.Connect, Endpoint: e, Errno: errno}
}

func listen(cgroup uint64, e observe.Endpoint) observe.Sight {
	return observe.Sight{Cgroup: cgroup, Kind: observe.Listen, Endpoint: e}
}

func bind(cgroup uint64, e observe.Endpoint) observe.Sight {
	return observe.Sight{Cgroup: cgroup, Kind: observe.Bind, Endpoint: e}
}

// datagram is one that is sent; peer is 0 where the kernel does not know it.
func datagram(cgroup, peer uint64, e observe.Endpoint) observe.Sight {
	return observe.Sight{Cgroup: cgroup, Peer: peer, Kind: observe.Connect, Endpoint: e, Datagram: true}
}

// made is the use of what another one has made.
func made(cgroup, by uint64, path string, errno syscall.Errno) observe.Sight {
	return observe.Sight{Cgroup: cgroup, Peer: by, Kind: observe.Use, File: syscall.S_IFREG, Path: path, Errno: errno}
}

// words are uses and endpoints, as people would say them.
func words(all []bus.Body) (out []string) {
	for _, b := range all {
		switch b := b.(type) {
		case *bus.DependencyUse:
			out = append(out, fmt.Sprintf("%s uses %s %s %s (%s %s)", b.Unit, b.On, b.Kind, b.Object, b.Phase, b.Failed))
		case *bus.DiscoveryConflict:
			out = append(out, fmt.Sprintf("%s wants %s of %s", b.Wants, b.Endpoint, b.Holder))
		case *bus.DiscoveryEndpoint:
			out = append(out, fmt.Sprintf("%s at %s", b.Unit, b.Endpoint))
		case Gone:
			if e, ok := b.Body.(*bus.DiscoveryEndpoint); ok {
				out = append(out, "gone: "+e.Endpoint)
			} else {
				out = append(out, "gone: "+words([]bus.Body{b.Body})[0])
			}
		}
	}
	return out
}

func TestSee(t *testing.T) {
	for name, c := range map[string]struct {
		sights []observe.Sight
		want   []string
	}{
		"unix": {[]observe.Sight{bind(db, "unix:/run/db"), connect(web, "unix:/run/db", 0)},
			[]string{"db.service at unix:/run/db", "web.service uses db.service unix /run/db (start )"}},
		"told once": {[]observe.Sight{bind(db, "unix:@db"), bind(db, "unix:@db"), connect(web, "unix:@db", 0), connect(web, "unix:@db", 0)},
			[]string{"db.service at unix:@db", "web.service uses db.service unix @db (start )"}},
		"any address": {[]observe.Sight{listen(db, "tcp:0.0.0.0:5432"), connect(web, "tcp:127.0.0.1:5432", 0)},
			[]string{"db.service at tcp:0.0.0.0:5432", "web.service uses db.service tcp 127.0.0.1:5432 (start )"}},
		"any address, v6": {[]observe.Sight{listen(db, "tcp:[::]:5432"), connect(web, "tcp:127.0.0.1:5432", 0), connect(other, "tcp:[::1]:5432", 0)},
			[]string{"db.service at tcp:[::]:5432", "web.service uses db.service tcp 127.0.0.1:5432 (start )", "other.service uses db.service tcp [::1]:5432 (start )"}},
		"the machine's own address": {[]observe.Sight{listen(db, "tcp:0.0.0.0:80"), connect(web, "tcp:10.0.2.15:80", 0)},
			[]string{"db.service at tcp:0.0.0.0:80", "web.service uses db.service tcp 10.0.2.15:80 (start )"}},
		"elsewhere": {[]observe.Sight{listen(db, "tcp:0.0.0.0:443"), connect(web, "tcp:192.0.2.1:443", 0)},
			[]string{"db.service at tcp:0.0.0.0:443"}},
		"v4 is not served by v4 of another": {[]observe.Sight{listen(db, "tcp:0.0.0.0:7"), connect(web, "tcp:[::1]:7", syscall.ECONNREFUSED)},
			[]string{"db.service at tcp:0.0.0.0:7"}},
		"in vain, then there": {[]observe.Sight{connect(web, "unix:/run/db", syscall.ENOENT), connect(web, "tcp:127.0.0.1:1", syscall.ECONNREFUSED), bind(db, "unix:/run/db"), listen(db, "tcp:0.0.0.0:1"), connect(web, "unix:/run/db", 0)},
			[]string{"db.service at unix:/run/db", "web.service uses db.service unix /run/db (start ENOENT)", "db.service at tcp:0.0.0.0:1",
				"web.service uses db.service tcp 127.0.0.1:1 (start ECONNREFUSED)"}},
		"its own":   {[]observe.Sight{listen(web, "tcp:0.0.0.0:80"), connect(web, "tcp:127.0.0.1:80", 0)}, []string{"web.service at tcp:0.0.0.0:80"}},
		"no unit":   {[]observe.Sight{listen(99, "tcp:0.0.0.0:80"), connect(98, "tcp:127.0.0.1:80", 0)}, nil},
		"datagrams": {[]observe.Sight{bind(db, "udp:127.0.0.1:53"), connect(web, "udp:127.0.0.1:53", 0)}, []string{"db.service at udp:127.0.0.1:53", "web.service uses db.service udp 127.0.0.1:53 (start )"}},
		"an answer": {[]observe.Sight{datagram(web, db, "unix:/run/db"), datagram(db, web, "unix:/run/web.1"), {Cgroup: web, Peer: db, Kind: observe.Connect, Endpoint: "unix:/run/db"}, datagram(other, web, "unix:/run/web.1")},
			[]string{"web.service uses db.service unix /run/db (start )", "other.service uses web.service unix /run/web.1 (start )"}},
		"an answer to a port of a client's own": {[]observe.Sight{datagram(db, 0, "udp:127.0.0.1:40000"), bind(web, "udp:127.0.0.1:40000")}, []string{"web.service at udp:127.0.0.1:40000"}},
		"bound, no more":                        {[]observe.Sight{bind(db, "tcp:0.0.0.0:80"), bind(db, "udp:0.0.0.0:0")}, nil},
		"made, then used": {[]observe.Sight{{Cgroup: db, Kind: observe.Removed}, made(web, db, "/run/x", 0), made(web, db, "/run/x", 0), made(other, db, "/run/y", syscall.ENOENT), made(web, 99, "/run/z", 0), made(web, web, "/run/own", 0)},
			[]string{"web.service uses db.service file /run/x (start )", "other.service uses db.service file /run/y (start ENOENT)"}},
		"by its maker, not its name": {[]observe.Sight{bind(db, "unix:/run/db"), {Cgroup: web, Peer: other, Kind: observe.Connect, Endpoint: "unix:/run/db"}},
			[]string{"db.service at unix:/run/db", "web.service uses other.service unix /run/db (start )"}},
		"passed on": {[]observe.Sight{{Cgroup: web, Peer: 99, Kind: observe.Connect, Endpoint: "unix:/run/db"}, {Cgroup: db, Peer: 99, Kind: observe.Accept, Endpoint: "unix:/run/db"}},
			[]string{"db.service at unix:/run/db", "web.service uses db.service unix /run/db (start )"}},
		"closed": {[]observe.Sight{listen(db, "tcp:0.0.0.0:1"), {Cgroup: web, Kind: observe.Close, Endpoint: "tcp:0.0.0.0:1"}, {Cgroup: db, Kind: observe.Close, Endpoint: "tcp:0.0.0.0:1"}, listen(web, "tcp:0.0.0.0:1")},
			[]string{"db.service at tcp:0.0.0.0:1", "gone: tcp:0.0.0.0:1", "web.service at tcp:0.0.0.0:1"}},
		"removed": {[]observe.Sight{{Cgroup: 9, Kind: observe.Cgroup, Path: "/system.slice/new.service"}, listen(9, "tcp:0.0.0.0:81")}, []string{"new.service at tcp:0.0.0.0:81"}},
		"conflict": {[]observe.Sight{listen(db, "tcp:0.0.0.0:80"), {Cgroup: web, Kind: observe.Bind, Endpoint: "tcp:127.0.0.1:80", Errno: syscall.EADDRINUSE}},
			[]string{"db.service at tcp:0.0.0.0:80", "web.service wants tcp:127.0.0.1:80 of db.service"}},
		"could not listen": {[]observe.Sight{{Cgroup: db, Kind: observe.Listen, Endpoint: "tcp:0.0.0.0:80", Errno: syscall.EADDRINUSE}}, nil},
	} {
		p := picture()
		var got []bus.Body
		for _, s := range c.sights {
			got = append(got, p.See(s)...)
		}
		if d := cmp.Diff(c.want, words(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A unit that never says when it is ready is so once it does nothing new.
func TestQuiet(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		at     []time.Duration // when it does something new, having started at 1 s
		steady []bool
	}{
		"at once, then later": {[]time.Duration{1001 * ms, 1900 * ms, 2899 * ms, 3899 * ms, 3900 * ms}, []bool{false, false, false, true, true}},
		"not at first":        {[]time.Duration{2000 * ms}, []bool{true}},
		"before it is told":   {[]time.Duration{900 * ms, 1500 * ms}, []bool{false, false}},
	} {
		p := picture()
		p.See(listen(db, "tcp:0.0.0.0:1"))
		p.Started("web.service", time.Second, 0)
		p.Started("web.service", 5*time.Second, 0) // it is told again: the latest state of a unit is
		var steady []bool
		for i, at := range c.at {
			s := connect(web, observe.Endpoint(fmt.Sprintf("tcp:127.0.0.%d:1", i+1)), 0)
			s.At = at
			steady = append(steady, p.See(s)[0].(*bus.DependencyUse).Phase == "steady")
		}
		if d := cmp.Diff(c.steady, steady); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	p := picture()
	p.See(listen(db, "tcp:0.0.0.0:1"))
	p.Started("web.service", 0, 100*ms)
	for i, c := range []struct {
		at, busy time.Duration
		steady   bool
	}{{2 * time.Second, 1600 * ms, false}, {3500 * ms, 2200 * ms, false}, {4600 * ms, 2300 * ms, true}} { // a slow machine
		s := connect(web, observe.Endpoint(fmt.Sprintf("tcp:127.0.1.%d:1", i+1)), 0)
		s.At, s.Busy = c.at, c.busy
		if phase := p.See(s)[0].(*bus.DependencyUse).Phase; (phase == "steady") != c.steady {
			t.Errorf("at %v, busy for %v: %s", c.at, c.busy, phase)
		}
	}
	p = picture()
	p.See(listen(db, "tcp:0.0.0.0:1"))
	p.Started("web.service", 0, 0)
	last := ""
	for i := range 100 { // never quiet
		s := connect(web, observe.Endpoint(fmt.Sprintf("tcp:127.0.0.%d:1", i+1)), 0)
		s.At = time.Duration(i) * 900 * ms
		phase := p.See(s)[0].(*bus.DependencyUse).Phase
		if steady := s.At >= quietMost; (phase == "steady") != steady {
			t.Fatalf("%v: %s after %s", s.At, phase, last)
		}
		last = phase
	}
}

// What a unit that is ready does is another use than what it did before, and what
// is down listens nowhere.
func TestReady(t *testing.T) {
	p := picture()
	p.See(listen(db, "tcp:0.0.0.0:1"))
	p.See(bind(db, "unix:/run/db"))
	p.See(connect(web, "unix:/run/db", 0))
	p.Ready("web.service", 10)
	if got := words(p.See(connect(web, "unix:/run/db", 0))); got != nil {
		t.Errorf("before it was ready: %q", got)
	}
	late := connect(web, "unix:/run/db", 0)
	late.At = 10
	if got := words(p.See(late)); len(got) != 1 || got[0] != "web.service uses db.service unix /run/db (steady )" {
		t.Errorf("%q", got)
	}
	fight := observe.Sight{Cgroup: other, Kind: observe.Bind, Endpoint: "tcp:0.0.0.0:1", Errno: syscall.EADDRINUSE}
	if told, again := p.See(fight), p.See(fight); len(told) != 1 || again != nil {
		t.Errorf("%q, and again %q", words(told), words(again))
	}
	gone := p.Down("db.service", 0)
	want := []string{"gone: tcp:0.0.0.0:1", "gone: unix:/run/db", "gone: other.service wants tcp:0.0.0.0:1 of db.service"}
	if d := cmp.Diff(want, words(gone)); d != "" || len(p.fights) != 0 || len(p.Endpoints()) != 0 {
		t.Errorf("%s %+v", d, p.Endpoints())
	}
}

// What is heard late of a stop takes nothing from who is up again, seen to be so by a
// sight or by looking it up.
func TestDownLate(t *testing.T) {
	p := picture()
	old, again := bind(db, "unix:/run/db"), bind(db, "unix:/run/db")
	old.At, again.At = 5, 20
	p.See(old)
	p.Holds("db.service", "unix:/run/looked-up", 0, 5)
	p.Holds("db.service", "unix:/run/never-again", 0, 5)
	p.See(again)
	p.Holds("db.service", "unix:/run/looked-up", 0, 20)
	if d := cmp.Diff([]string{"gone: unix:/run/never-again"}, words(p.Down("db.service", 10))); d != "" {
		t.Error(d)
	}
}

// Whose a cgroup is is known once its path is, also where it is no unit's.
func TestKnown(t *testing.T) {
	p := picture()
	p.Named(8, "/system.slice")
	if !p.Known(0) || !p.Known(web) || !p.Known(8) || p.Known(9) {
		t.Error("of none, a unit, a slice and nobody: ", p.Known(0), p.Known(web), p.Known(8), p.Known(9))
	}
	p.See(observe.Sight{Cgroup: 8, Kind: observe.Removed})
	if p.Known(8) {
		t.Error("a slice that is no more is remembered")
	}
}

// A service that opens a million sockets costs no more than there is room for, and
// takes nothing from others.
func TestBounds(t *testing.T) {
	p := picture()
	for n := range 3 * maxWaiting {
		p.See(connect(web, observe.Endpoint(fmt.Sprintf("unix:/run/%d", n)), syscall.ENOENT))
		p.See(bind(web, observe.Endpoint(fmt.Sprintf("unix:/run/web%d", n))))
	}
	if len(p.holders) != maxEach || len(p.waiting) != maxEach || p.Dropped != 2*(3*maxWaiting-maxEach) {
		t.Errorf("%d endpoints, %d wanted in vain, %d dropped", len(p.holders), len(p.waiting), p.Dropped)
	}
	p.See(connect(other, "unix:/run/db", syscall.ENOENT))
	if got := words(p.See(bind(db, "unix:/run/db"))); len(got) != 2 {
		t.Errorf("another's: %q", got)
	}
	p.Down("web.service", 0)
	for n := range maxEach {
		p.See(bind(db, observe.Endpoint(fmt.Sprintf("unix:/run/%d", n))))
	}
	if len(p.waiting) != 1 || p.wants["web.service"] != 1 || p.held["web.service"] != 0 || len(p.holders) != maxEach {
		t.Errorf("%d are wanted in vain, %d of them by web; it has %d of %d endpoints", len(p.waiting), p.wants["web.service"], p.held["web.service"], len(p.holders))
	}
	for id := range uint64(maxEndpoints/maxEach + 3) {
		p.Named(100+id, fmt.Sprintf("/system.slice/u%d.service", id))
		for n := range maxEach {
			p.See(bind(100+id, observe.Endpoint(fmt.Sprintf("unix:@%d-%d", id, n))))
			p.See(connect(100+id, observe.Endpoint(fmt.Sprintf("unix:@none%d-%d", id, n)), syscall.ECONNREFUSED))
		}
	}
	if len(p.holders) != maxEndpoints || p.waits != maxWaiting {
		t.Errorf("of many units: %d endpoints, %d wanted in vain", len(p.holders), p.waits)
	}
}

func TestUnitOf(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/init.scope": "", "/user.slice/a.scope": "a.scope", "/system.slice": "", "/system.slice/a.service": "a.service",
		"/system.slice/system-getty.slice/getty@tty1.service/x": "getty@tty1.service", "/clarity.slice/clarity-bus.service~3": "clarity-bus.service",
	} {
		if got := UnitOf(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What PID 1 listens at for a service is there as long as the unit of the socket is
// up, whatever becomes of the service.
func TestHeld(t *testing.T) {
	p := picture()
	p.See(connect(web, "tcp:127.0.0.1:1", syscall.ECONNREFUSED))
	got := words(p.Held("db.socket", "db.service", "tcp:127.0.0.1:1", 3))
	if d := cmp.Diff([]string{"db.service at tcp:127.0.0.1:1", "web.service uses db.service tcp 127.0.0.1:1 (start ECONNREFUSED)"}, got); d != "" {
		t.Error(d)
	}
	if again, gone := p.Held("db.socket", "db.service", "tcp:127.0.0.1:1", 4), p.Down("db.service", 9); again != nil || gone != nil {
		t.Errorf("%q, %q", words(again), words(gone))
	}
	if d := cmp.Diff([]string{"gone: tcp:127.0.0.1:1"}, words(p.Down("db.socket", 9))); d != "" || p.held["db.service"] != 0 {
		t.Errorf("%s, and %d are left", d, p.held["db.service"])
	}
}

// Names of D-Bus go from one to another without being closed, and calls of one that
// nobody has are uses of who gets it.
func TestNames(t *testing.T) {
	const name = "bus:org.example.DB"
	p := picture()
	p.Ready("web.service", 10)
	for _, c := range []struct {
		what string
		got  []bus.Body
		want []string
	}{
		{"in vain", p.Calls("web.service", name, 9), nil},
		{"again", p.Calls("web.service", name, 9), nil},
		{"owned", p.Holds("db.service", name, 3, 3), []string{"db.service at bus:org.example.DB", "web.service uses db.service bus org.example.DB (start )"}},
		{"owned again", p.Holds("db.service", name, 4, 4), nil},
		{"steady", p.Calls("web.service", name, 10), []string{"web.service uses db.service bus org.example.DB (steady )"}},
		{"its own", p.Calls("db.service", name, 10), nil},
		{"passed on", p.Holds("other.service", name, 11, 11), []string{"other.service at bus:org.example.DB"}},
		{"lost", p.Lost(name), []string{"gone: bus:org.example.DB"}},
		{"lost again", p.Lost(name), nil},
	} {
		if d := cmp.Diff(c.want, words(c.got)); d != "" {
			t.Errorf("%s: %s", c.what, d)
		}
	}
	if p.Held("db.socket", "db.service", "unix:/run/db", 1); p.Holder("unix:/run/db") != "db.service" || p.Holder(name) != "" {
		t.Errorf("%q and %q", p.Holder("unix:/run/db"), p.Holder(name))
	}
	p.Down("db.socket", 9)
	if p.held["db.service"] != 0 || p.held["other.service"] != 0 || p.waits != 0 {
		t.Errorf("%v are held, %d wait", p.held, p.waits)
	}
}
