package log

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.Local)
	say(t, s, Record{RealtimeUS: uint64(at.UnixMicro()), Unit: "nginx.service", Identifier: "nginx", PID: 7, Priority: 6, Message: "two\nlines\x1b"},
		Record{RealtimeUS: uint64(at.UnixMicro()), Unit: "a.service", Message: "x", Cut: true})
	s.Close()
	printed := func(f Format) string {
		var b bytes.Buffer
		if _, err := Print(t.Context(), &b, dir, Query{}, f, Host{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := "Nov 23 12:00:00.005 nginx[7]: two\n    lines?\nNov 23 12:00:00.005 a: x…\n"
	if diff := cmp.Diff(want, printed(Short)); diff != "" {
		t.Errorf("short (-want +got):\n%s", diff)
	}
	if got := printed(Cat); got != "two\nlines\x1b\nx\n" {
		t.Errorf("cat: %q", got)
	}
}
