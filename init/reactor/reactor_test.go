package reactor

import (
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/init/guard"
)

// pipe gives both ends of a pipe that has a byte to read.
func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(p[0])
		unix.Close(p[1])
	})
	if _, err := unix.Write(p[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	return p[0], p[1]
}

// A handler that panics costs its batch, and the reactor goes on: what was not
// read is told again.
func TestHandlerPanics(t *testing.T) {
	quiet := func(string, string) {}
	r, err := New(func(name, trouble string) { t.Errorf("%s: %s", name, trouble) })
	if err != nil {
		t.Fatal(err)
	}
	bad, _ := pipe(t)
	good, _ := pipe(t)
	panics, calls := 0, 0
	if err := r.Add(bad, unix.EPOLLIN, func(uint32) {
		if panics++; panics == 3 {
			r.Remove(bad)
		}
		panic("a handler")
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(good, unix.EPOLLIN, func(uint32) { calls++ }); err != nil {
		t.Fatal(err)
	}
	for calls == 0 || panics < 3 {
		_ = guard.Try("loop", quiet, func() { r.Dispatch(<-r.Ready()) })
	}
}

// A handler that an earlier one of the same batch removed is not called.
func TestRemovedHandlerIsNotCalled(t *testing.T) {
	r, err := New(func(name, trouble string) { t.Errorf("%s: %s", name, trouble) })
	if err != nil {
		t.Fatal(err)
	}
	one, _ := pipe(t)
	two, _ := pipe(t)
	calls := 0
	for _, fd := range []int{one, two} {
		if err := r.Add(fd, unix.EPOLLIN, func(uint32) {
			calls++
			r.Remove(one)
			r.Remove(two)
		}); err != nil {
			t.Fatal(err)
		}
	}
	r.Dispatch(<-r.Ready())
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}
