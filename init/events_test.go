package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// What is kept is the latest, in order, of one unit or of all.
func TestHistory(t *testing.T) {
	var h history
	if got := h.last("", 0); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	units := []string{"a.service", "b.service"}
	for n := 1; n <= 3*keptEvents+7; n++ {
		h.add(control.Event{Unit: units[n%2], Message: fmt.Sprint(n)})
		all := h.last("", 0)
		if want := min(n, keptEvents); len(all) != want || all[0].Seq != uint64(n-want+1) || all[want-1].Seq != uint64(n) {
			t.Fatalf("after %d events: %d, the first %+v", n, len(all), all[0])
		}
		for i, e := range all {
			if e.Seq != all[0].Seq+uint64(i) || e.Message != fmt.Sprint(e.Seq) {
				t.Fatalf("after %d events, number %d: %+v", n, i, e)
			}
		}
	}
	var got []string
	for _, e := range h.last("a.service", 2) {
		got = append(got, e.Unit+" "+e.Message)
	}
	if text := strings.Join(got, ", "); text != "a.service 772, a.service 774" {
		t.Errorf("the last two of one unit: %s", text)
	}
}

// What it costs PID 1 to publish: an event that nobody follows, and one that the
// bus follows.
func BenchmarkEvent(b *testing.B) {
	changed := supervisor.Changed{Unit: "nginx.service", From: supervisor.Running, To: supervisor.StopTerm}
	b.Run("unheard", func(b *testing.B) {
		var h history
		for b.Loop() {
			h.changed(changed)
		}
	})
	b.Run("heard", func(b *testing.B) {
		path := b.TempDir() + "/control"
		p := stubbed(b, path)
		conn, err := net.Dial("unix", path)
		if err == nil {
			_, err = conn.Write([]byte(`{"method":"` + control.Interface + `.Events","more":true}` + "\x00"))
		}
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		for len(p.history.listeners) == 0 {
			p.turn()
		}
		in, unread := bufio.NewReader(conn), 1 // the first reply is what is kept
		for b.Loop() {
			p.history.changed(changed)
			if unread++; unread < 100 {
				continue
			}
			b.StopTimer()
			for ; unread > 0; unread-- {
				if _, err := in.ReadBytes(0); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		if lost := p.history.listeners[0].lost; lost > 0 {
			b.Fatalf("%d events were not read in time", lost)
		}
	})
}
