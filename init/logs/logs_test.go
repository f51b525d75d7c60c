package logs

import (
	"fmt"
	"os"
	"testing"

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

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
