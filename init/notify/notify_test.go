package notify

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/supervisor"
)

func TestParse(t *testing.T) {
	got := Parse("READY=1\nSTATUS=up \xff\nMAINPID=42\nEXTEND_TIMEOUT_USEC=1500\nX=y\n=\nnothing")
	want := supervisor.Notified{Ready: true, Status: "up ?", StatusSet: true, MainPID: 42, Extend: 1500 * time.Microsecond}
	if got != want {
		t.Errorf("%+v", got)
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

func FuzzParse(f *testing.F) {
	f.Add("READY=1\nMAINPID=7")
	f.Fuzz(func(t *testing.T, s string) {
		if m := Parse(s); m.MainPID < 0 || m.MainPID == 1 || m.Extend < 0 {
			t.Errorf("%+v", m)
		}
	})
}
