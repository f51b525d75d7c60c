package acts

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/learn/observe"
	"clarityos/learn/status"
)

func TestSee(t *testing.T) {
	var b Book
	for _, s := range []struct {
		unit, peer string
		sight      observe.Sight
	}{
		{"a", "", observe.Sight{At: 1, Kind: observe.Exec, Path: "/bin/a"}},
		{"a", "", observe.Sight{At: 2, Kind: observe.Exec, Path: "/bin/a"}}, // of its next cgroup
		{"a", "", observe.Sight{At: 3, Kind: observe.Exit, Status: 3 << 8}},
		{"a", "", observe.Sight{At: 4, Kind: observe.Exit, Status: syscall.WaitStatus(syscall.SIGSEGV) | 0x80}},
		{"a", "", observe.Sight{At: 5, Kind: observe.OOM}},
		{"a", "", observe.Sight{At: 6, Kind: observe.Module, Path: "dummy"}},
		{"a", "", observe.Sight{At: 7, Kind: observe.Link, Path: "dummy0"}},
		{"a", "b", observe.Sight{At: 8, Kind: observe.Kill, Signal: syscall.SIGHUP}},
		{"a", "", observe.Sight{At: 9, Kind: observe.Kill, Signal: syscall.SIGHUP}},
		{"", "b", observe.Sight{At: 10, Kind: observe.Kill, Signal: syscall.SIGTERM}}, // PID 1 stops it
		{"b", "b", observe.Sight{At: 11, Kind: observe.Kill, Signal: syscall.SIGUSR1}},
		{"a", "b", observe.Sight{At: 12, Kind: observe.Connect, Endpoint: "tcp:127.0.0.1:1"}},
		{"", "", observe.Sight{At: 13, Kind: observe.Exec, Path: "/bin/x"}},
	} {
		b.See(s.unit, s.peer, s.sight)
	}
	want := map[string][]status.Act{
		"a": {{At: 1, What: "executed", Object: "/bin/a"}, {At: 3, What: "a process ended", Object: "status 3"}, {At: 4, What: "a process ended", Object: "SIGSEGV"}, {At: 5, What: "a process was killed", Object: "out of memory"},
			{At: 6, What: "loaded module", Object: "dummy"}, {At: 7, What: "made network device", Object: "dummy0"}, {At: 8, What: "sent SIGHUP", Object: "to b"}},
		"b": {{At: 8, What: "got SIGHUP", Object: "from a"}},
	}
	if d := cmp.Diff(want, b.units); d != "" {
		t.Error(d)
	}
}

// A unit that does ever more takes no room from others.
func TestBounded(t *testing.T) {
	var b Book
	for i := range maxEach + 10 {
		b.See("a", "", observe.Sight{Kind: observe.Exec, Path: fmt.Sprint(i)})
	}
	for i := range maxUnits + 5 {
		b.See(fmt.Sprint("u", i), "", observe.Sight{Kind: observe.Exec, Path: "/x"})
	}
	if len(b.Of("a")) != maxEach || len(b.units) != maxUnits || b.Dropped != 10+6 {
		t.Errorf("%d acts, %d units, %d dropped", len(b.Of("a")), len(b.units), b.Dropped)
	}
}
