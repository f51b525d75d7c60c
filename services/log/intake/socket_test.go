package intake

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// datagramPair is a socket like those of PID 1, and somebody who sends to it.
func datagramPair(t *testing.T) (fd, sender int) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	for _, option := range []int{unix.SO_PASSCRED, unix.SO_TIMESTAMPNS} {
		if err := unix.SetsockoptInt(p[0], unix.SOL_SOCKET, option, 1); err != nil {
			t.Fatal(err)
		}
	}
	return p[0], p[1]
}

func messages(t *testing.T, dir string) (all []string) {
	t.Helper()
	for r, err := range log.Read(t.Context(), dir, log.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Message)
	}
	return all
}

// The component dies between storing a datagram and taking it, or before it
// stores it: either way each is stored once.
func TestDatagramOnceOverDeath(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprint("stored ", stored), func(t *testing.T) {
			dir := t.TempDir()
			fd, sender := datagramPair(t)
			for _, text := range []string{"same", "same", "other"} {
				if err := unix.Send(sender, []byte("<13>"+text), 0); err != nil {
					t.Fatal(err)
				}
			}
			buf := make([]byte, 4096)
			store, err := log.Open(dir, testBoot, log.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			dying := &socket{name: "syslog", fd: fd, fresh: true}
			d, err := dying.peek(buf)
			if err != nil || d.stamp == 0 || d.pid != os.Getpid() {
				t.Fatalf("%+v, %v", d, err)
			}
			if stored {
				if err := store.Append(dying.record(d, buf)); err != nil {
					t.Fatal(err)
				}
			}
			store.Close()

			store, err = log.Open(dir, testBoot, log.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			next := &socket{name: "syslog", fd: fd, fresh: true}
			if _, err := next.work(store, noRules(store), buf); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(messages(t, dir)); got != "[same same other]" {
				t.Errorf("stored: %s", got)
			}
			if _, err := next.peek(buf); !errors.Is(err, unix.EAGAIN) {
				t.Errorf("left in the socket: %v", err)
			}
		})
	}
}

// A stream whose component died at any point goes on where the store ends.
func TestStreamOnceOverDeath(t *testing.T) {
	for _, death := range []string{"spooled", "stored", "removed"} {
		t.Run(death, func(t *testing.T) {
			dir, spools := t.TempDir(), t.TempDir()
			var p [2]int
			if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(p[0])
			put := func(text string) {
				if _, err := unix.Write(p[1], []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			open := func() (*log.Store, *stream) {
				store, err := log.Open(dir, testBoot, log.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				pipe, err := unix.Dup(p[0])
				if err != nil {
					t.Fatal(err)
				}
				s, err := openStream(Stream{ID: "a", Unit: "u.service"}, pipe, spools, store)
				if err != nil {
					t.Fatal(err)
				}
				return store, s
			}
			buf := make([]byte, streamBuffer)
			put("one\ntwo\nthr")
			store, s := open()
			switch death {
			case "spooled":
				if n, err := s.spool.fill(s.pipe, len(buf)); n != 11 || err != nil {
					t.Fatal(n, err)
				}
			default:
				if _, _, err := s.work(store, noRules(store), buf, readClock()); err != nil || s.stored != 8 {
					t.Fatal(s.stored, err)
				}
			}
			if death == "removed" {
				put("ee\n")
				if _, _, err := s.work(store, noRules(store), buf, readClock()); err != nil || s.stored != 14 {
					t.Fatal(s.stored, err)
				}
				s.close()
			}
			store.Close()

			store, s = open()
			defer store.Close()
			if death != "removed" {
				put("ee\n")
			}
			put("four")
			unix.Close(p[1])
			over := false
			for range 3 {
				var err error
				if over, _, err = s.work(store, noRules(store), buf, readClock()); err != nil {
					t.Fatal(err)
				}
			}
			if got := fmt.Sprint(messages(t, dir), over); got != "[one two three four] true" {
				t.Errorf("stored: %s", got)
			}
		})
	}
}

// noRules keep everything.
func noRules(store *log.Store) *rules { return openRules(policy{maxLevel: log.Debug}, store) }
