package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A QEMU that answers late, tells of events in between, and hangs up.
func TestQMP(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	lines := make(chan string, 10)
	go func() {
		in := bufio.NewScanner(theirs)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	send := func(format string, args ...any) {
		t.Helper()
		if _, err := fmt.Fprintf(theirs, format+"\r\n", args...); err != nil {
			t.Fatal(err)
		}
	}
	id := func() (n int) {
		var c struct{ ID int }
		if err := json.Unmarshal([]byte(<-lines), &c); err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	events := make(chan qmpEvent, 10)
	q := newQMP(ours, func(e qmpEvent) { events <- e })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	greeted := make(chan error, 1)
	go func() { greeted <- q.greet(ctx) }()
	send(`{"QMP": {"version": {}}}`)
	send(`{"return": {}, "id": %d}`, id())
	if err := <-greeted; err != nil {
		t.Fatal(err)
	}

	impatient, giveUp := context.WithCancel(ctx)
	lost := make(chan error, 1)
	go func() { _, err := q.run(impatient, "stop", nil); lost <- err }()
	late := id()
	giveUp()
	if err := <-lost; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who gave up got %v", err)
	}
	got := make(chan string, 1)
	go func() {
		answer, err := q.run(ctx, "info", map[string]int{"n": 1})
		got <- fmt.Sprint(string(answer), " ", err)
	}()
	next := id()
	send(`{"return": "too late", "id": %d}`, late)
	send(`{"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}`)
	send(`{"return": "in time", "id": %d}`, next)
	if s := <-got; s != `"in time" <nil>` {
		t.Errorf("got %s", s)
	}
	if e := <-events; e.Name != "RESET" || !e.Data.Guest {
		t.Errorf("event %+v", e)
	}

	go func() { _, err := q.run(ctx, "bad", nil); got <- err.Error() }()
	send(`{"error": {"class": "GenericError", "desc": "no such command"}, "id": %d}`, id())
	if s := <-got; !strings.Contains(s, "no such command") {
		t.Errorf("got %s", s)
	}
	theirs.Close()
	if _, err := q.run(ctx, "quit", nil); err == nil {
		t.Error("a command after the end is no error")
	}
}
