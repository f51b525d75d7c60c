package dbus

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// limit bounds each wait.
const limit = 20 * time.Second

// watched is a watcher, with what it tells and says.
type watched struct {
	*testing.T
	*Watcher
	told, said chan string
	clock      atomic.Int64
}

func watch(t *testing.T) *watched {
	w := &watched{T: t, told: make(chan string, 64), said: make(chan string, 64)}
	w.Watcher = New(Config{Socket: filepath.Join(t.TempDir(), "bus"),
		Proc:    fstest.MapFS{"11/cgroup": {Data: []byte("0::/system.slice/db.service\n")}, "12/cgroup": {Data: []byte("0::/system.slice/web.service\n")}},
		Now:     func() time.Duration { return time.Duration(w.clock.Load()) },
		Say:     func(s string) { w.said <- s },
		Serving: func() bool { return true }, Up: isUp,
		Tell: func(facts []Fact) {
			for _, s := range words(facts) {
				w.told <- s
			}
		}})
	return w
}

// run runs it until the test is over.
func (w *watched) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Watcher.Run(ctx, nil)
	}()
	w.Cleanup(func() {
		cancel()
		<-ended
	})
}

func next[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(limit):
		t.Fatalf("%s: nothing within %v", what, limit)
	}
	return v
}

func (w *watched) tells(want ...string) {
	w.Helper()
	for _, s := range want {
		if got := next(w.T, w.told, s); got != s {
			w.Fatalf("it tells %q, wanted %q", got, s)
		}
	}
}

func write(t *testing.T, c net.Conn, all ...[]byte) {
	t.Helper()
	if _, err := c.Write(slices.Concat(all...)); err != nil {
		t.Fatal(err)
	}
}

// A bus with one name gets another one and a client, ends, and is there again.
func TestWatcher(t *testing.T) {
	w := watch(t)
	b := &fakeBus{names: []string{driver, ":1.1", "org.example.DB"}, owners: map[string]string{"org.example.DB": ":1.1"},
		processes: map[string]uint32{":1.1": 11, ":1.2": 12, ":1.3": 13}}
	end := b.at(t, w.Socket)
	w.run()
	names, calls := next(t, b.watchers, "a watcher"), next(t, b.monitors, "a monitor")
	w.tells("db.service has org.example.DB since 0")
	w.clock.Store(5)
	// What anybody can send tells nothing.
	write(t, names, encode(kindSignal, 1, text("org.example.DB").body, field{fieldFrom, "s", ":1.9"}, field{fieldMember, "s", "NameOwnerChanged"}))
	write(t, names, changes(":1.2", "", ":1.2"))
	write(t, calls, sends(":1.2", driver, 9), sends(":1.2", "org.example.DB", 9), sends(":1.2", "org.example.None", 3<<20))
	w.tells("web.service calls org.example.DB at 5", "web.service calls org.example.None at 5")
	write(t, names, changes(":1.3", "", ":1.3"), changes("org.example.Forked", "", ":1.3"))
	w.Connects(13, "forks.service")
	w.tells("forks.service has org.example.Forked since 5")
	if got := w.State(); got.Calls != 2 || got.Names != 2 || got.Connections != 3 || got.Away {
		t.Errorf("%+v", got)
	}
	end()
	w.tells("nobody has org.example.DB", "nobody has org.example.Forked")
	b = &fakeBus{names: b.names, owners: b.owners, processes: b.processes}
	b.at(t, w.Socket)
	w.tells("db.service has org.example.DB since 0")
}

// Who makes too many calls has the monitor leave, until there is room for more.
func TestWatcherLeaves(t *testing.T) {
	w := watch(t)
	b := &fakeBus{}
	b.at(t, w.Socket)
	w.run()
	flood := slices.Repeat(sends(":1.2", "org.example.DB", 0), 2*callsMost)
	calls := next(t, b.monitors, "a monitor")
	_, _ = calls.Write(flood) // it fails when the monitor leaves
	if err := calls.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if n, err := calls.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("it did not leave: %d bytes, %v", n, err)
	}
	if got := w.State(); !got.Away || got.Calls != 1 {
		t.Errorf("%+v, wanted one call as all others are the same, and to be away", got)
	}
}

// A bus that refuses a monitor tells names nevertheless.
func TestWatcherRefused(t *testing.T) {
	w := watch(t)
	b := &fakeBus{refuses: true, names: []string{":1.1", "org.example.DB"}, owners: map[string]string{"org.example.DB": ":1.1"}, processes: map[string]uint32{":1.1": 11}}
	b.at(t, w.Socket)
	w.run()
	w.tells("db.service has org.example.DB since 0")
	if got, want := next(t, w.said, "a refusal"), "monitor D-Bus: the bus refuses: not you; it is tried again in 1s"; got != want {
		t.Errorf("it says %q, wanted %q", got, want)
	}
}
