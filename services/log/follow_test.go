package log

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestFollow(t *testing.T) {
	dir, later := t.TempDir(), t.TempDir()
	limits := Limits{SegmentBytes: 2 << 10, TotalBytes: 1 << 20}
	s := open(t, dir, bootA, limits)
	say(t, s, Record{Message: "1"}, Record{Message: "2"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r, err := range Read(ctx, dir, Query{Follow: true, Lines: 1}) {
			if err != nil {
				r.Message = err.Error()
			}
			lines <- r.Message
		}
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%q does not come", want)
		}
	}
	expect("2")
	for i := 3; i <= 60; i++ { // over several segments
		say(t, s, Record{Message: fmt.Sprint(i)}, Record{Message: fmt.Sprint(i, "b")})
		expect(fmt.Sprint(i))
		expect(fmt.Sprint(i, "b"))
	}
	// The store moves: what is in the new place already is not told again.
	old := open(t, later, bootB, limits)
	say(t, old, Record{Message: "an earlier boot"})
	old.Close()
	if err := Move(s, later, limits); err != nil {
		t.Fatal(err)
	}
	say(t, s, Record{Message: "there"})
	expect("there")
	if s.Dir() != later {
		t.Errorf("the store is in %s", s.Dir())
	}
	cancel()
	for range lines {
		t.Error("more after the end")
	}
	got, _ := all(t, dir, Query{})
	if len(got) != 2+2*58+2 || got[0] != "an earlier boot" || got[len(got)-1] != "there" {
		t.Errorf("%d messages from %q to %q", len(got), got[0], got[len(got)-1])
	}
}
