package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

func TestTopRows(t *testing.T) {
	list := control.StatusReply{Units: []supervisor.View{
		{Name: "a.service", Active: "active", Phase: supervisor.Running},
		{Name: "b.service", Active: "failed", Phase: supervisor.Failed},
		{Name: "c.service", Active: "active", Phase: supervisor.Running},
		{Name: "idle.target", Active: "active", Phase: supervisor.Running},
	}}
	before := control.UsageReply{At: 10 * time.Second, Units: []control.Usage{
		{Unit: "a.service", CPU: time.Second, Read: 100}, {Unit: "c.service", CPU: 5 * time.Second}}}
	now := control.UsageReply{At: 12 * time.Second, Units: []control.Usage{
		{Unit: "a.service", CPU: 2 * time.Second, Read: 4100, Memory: 7, Tasks: 3}, {Unit: "c.service", CPU: time.Second}}}
	var got []string
	for _, r := range topRows(list, before, now) {
		got = append(got, fmt.Sprintf("%s %s %.0f%% %d %d %.0f", r.Unit, r.State, r.CPU, r.Memory, r.Tasks, r.IO))
	}
	// c.service was started anew: what it has used is less than before.
	if want := []string{"a.service running 50% 7 3 2000", "b.service failed 0% 0 0 0", "c.service running 0% 0 0 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestKeysOf(t *testing.T) {
	for read, want := range map[string][]string{
		"m": {"m"}, "\x1b": {"\x1b"}, "\x1b[B\x1b[Bq": {"\x1b[B", "\x1b[B", "q"}, "\x1b[5~k": {"\x1b[5~", "k"}, "\x1bOA\r": {"\x1bOA", "\r"}, "\x1b[": {"\x1b", "["},
	} {
		if got := keysOf(read); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", read, got, want)
		}
	}
}

// The cursor stays on its unit when the order changes, never leaves the rows,
// and is always on the screen.
func TestScreen(t *testing.T) {
	s := &screen{by: "name"}
	for n := range 30 {
		s.rows = append(s.rows, TopRow{Unit: fmt.Sprintf("u%02d.service", n), CPU: float64(n), Memory: uint64(30 - n)})
	}
	const height = 12
	for _, step := range []struct{ keys, chosen string }{
		{"", "u00.service"}, {"k", "u00.service"}, {"jjj", "u03.service"}, {"c", "u03.service"}, {"j", "u02.service"},
		{"m", "u02.service"}, {"\x1b[6~\x1b[6~\x1b[6~\x1b[6~", "u29.service"}, {"n", "u29.service"}, {"\x1b[5~", "u19.service"},
	} {
		for _, k := range keysOf(step.keys) {
			if !s.key(k) {
				t.Fatalf("%q ends it", k)
			}
		}
		lines := strings.Split(strings.TrimSuffix(s.draw(80, height), "\n"), "\n")
		if len(lines) > height || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, step.chosen) }) {
			t.Errorf("after %q: %d lines without %s:\n%s", step.keys, len(lines), step.chosen, strings.Join(lines, "\n"))
		}
		if at := s.rows[s.at()].Unit; at != step.chosen {
			t.Errorf("after %q the cursor is on %s, want %s", step.keys, at, step.chosen)
		}
	}
	if s.key("\r"); s.detail != "u19.service" {
		t.Errorf("Enter tells about %q", s.detail)
	}
	if s.key("\x1b"); s.detail != "" || s.key("q") {
		t.Error("neither Esc nor q ends it")
	}
	empty := &screen{by: "cpu"}
	if !empty.key("j") || !empty.key("\r") || !strings.Contains(empty.draw(80, 24), "UNIT") {
		t.Error("without rows")
	}
}
