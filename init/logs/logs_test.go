package logs

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/init/reactor"
)

// Without a component nothing that PID 1 keeps for it grows without bound:
// neither what waits to be told, however often one starts and fails, nor the
// pipes of services that end again and again.
func TestNobodyReads(t *testing.T) {
	r, err := reactor.New(func(name, trouble string) { t.Errorf("%s: %s", name, trouble) })
	if err != nil {
		t.Fatal(err)
	}
	l, err := open(r)
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for i := range 8 * maxEnded {
		read, write, err := NewPipe(-1, -1)
		if err != nil {
			t.Fatal(err)
		}
		s := &Stream{ID: fmt.Sprint(i), Unit: "a.service"}
		l.Add(s, read, write)
		if i != 3 { // one goes on
			l.EndStream(s.ID)
		}
		if i%8 == 0 {
			l.Connect()
		}
		l.Record(Record{Message: "line"})
	}
	if n := descriptors(t) - before; n > maxEnded+10 {
		t.Errorf("%d more descriptors than before", n)
	}
	if n := len(l.queue); n > maxQueue+2*maxEnded {
		t.Errorf("%d packets wait", n)
	}
	if l.streams["3"] == nil {
		t.Error("a stream that goes on was forgotten")
	}
}

// Who waits for what ended invocations said is told when the component has stored
// the last of it, and at once when there is nothing to wait for.
func TestStored(t *testing.T) {
	r, err := reactor.New(func(name, trouble string) { t.Errorf("%s: %s", name, trouble) })
	if err != nil {
		t.Fatal(err)
	}
	l, err := open(r)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	l.Stored(func() { told++ })
	if told != 1 {
		t.Fatalf("with nothing to store it was told %d times", told)
	}
	for _, id := range []string{"a", "b", "goes on"} {
		read, write, err := NewPipe(-1, -1)
		if err != nil {
			t.Fatal(err)
		}
		l.Add(&Stream{ID: id}, read, write)
	}
	l.EndStream("a")
	l.EndStream("b")
	l.Stored(func() { told++ })
	for i, id := range []string{"a", "b"} {
		if told != 1 {
			t.Errorf("it was told while %s was not stored", id)
		}
		if err := unix.Send(l.far, []byte(`{"done":"`+id+`"}`), 0); err != nil {
			t.Fatal(err)
		}
		l.event(unix.EPOLLIN)
		if want := 1 + i; told != want {
			t.Errorf("after %s: told %d times, want %d", id, told, want)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
