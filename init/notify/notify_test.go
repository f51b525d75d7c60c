package notify

import (
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"clarityos/services/supervisor"
)

func TestParse(t *testing.T) {
	got := Parse("READY=1\nSTATUS=up \xff\nMAINPID=42\nEXTEND_TIMEOUT_USEC=1500\nX=y\n=\nnothing")
	want := supervisor.Notified{Ready: true, Status: "up ?", StatusSet: true, MainPID: 42, Extend: 1500 * time.Microsecond}
	if got != want {
		t.Errorf("%+v", got)
	}
	// After 100 days a reload is still told from an earlier one, and no span is as long.
	if m := Parse("MONOTONIC_USEC=8640000000000\nEXTEND_TIMEOUT_USEC=8640000000000"); m.ReloadedAt != 100*24*time.Hour || m.Extend != 0 {
		t.Errorf("%+v", m)
	}
	if m := Parse("MAINPID=1\nREADY=0"); m.MainPID != 0 || m.Ready {
		t.Errorf("%+v", m)
	}
}

func TestReceive(t *testing.T) {
	path := t.TempDir() + "/n"
	fd, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	if err := unix.Sendto(s, []byte("READY=1"), 0, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	got := Receive(fd)
	if len(got) != 1 || !got[0].Ready || got[0].PID != os.Getpid() {
		t.Errorf("%+v", got)
	}
}

// Nothing that a service says makes PID 1 signal itself or everybody, or wait
// without an end; a status can be printed.
func FuzzParse(f *testing.F) {
	const longest = 13 * 24 * time.Hour
	f.Fuzz(func(t *testing.T, s string) {
		m := Parse(s)
		if m.MainPID < 0 || m.MainPID == 1 || m.Errno < 0 || !utf8.ValidString(m.Status) {
			t.Errorf("%+v", m)
		}
		if m.Extend < 0 || m.Extend > longest || m.Watchdog < 0 || m.Watchdog > longest || m.ReloadedAt < 0 {
			t.Errorf("%+v", m)
		}
	})
}
