package intake

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

func TestStreamsAndSockets(t *testing.T) {
	p := newPID1(t)
	syslog, journal := p.socket("syslog"), p.socket("journal")
	p.start()
	w, s := p.stream("ab", "demo.service")
	fmt.Fprintf(w, "plain\n<3>bad\n%s\n<7>tail", strings.Repeat("y", log.MaxMessage+5))
	w.Close()
	<-s.done
	fmt.Fprint(syslog, "<29>Nov  3 12:00:00 chronyd[9]: up\n")
	fmt.Fprint(journal, "MESSAGE=one\nPRIORITY=4\nSYSLOG_IDENTIFIER=prog\nCODE_LINE=7\n_PID=1\n")
	p.send(Message{Record: &Said{Unit: "demo.service", Priority: 5, Message: "stopped", MonotonicUS: 5, RealtimeUS: 6}}, -1)
	p.send(Message{Lost: &Lost{ID: "ab", Bytes: 70}}, -1)

	big := strings.Repeat("z", 10_000)
	memfd, err := unix.MemfdCreate("message", unix.MFD_ALLOW_SEALING|unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	body = append(body, "MESSAGE\n"...)
	body = binary.LittleEndian.AppendUint64(body, uint64(len(big)))
	body = append(body, big+"\nPRIORITY=6\n"...)
	if _, err := unix.Write(memfd, body); err != nil {
		t.Fatal(err)
	}
	raw, err := journal.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.Sendmsg(int(fd), nil, unix.UnixRights(memfd), nil, 0) }); err != nil || sent != nil {
		t.Fatal(err, sent)
	}
	unix.Close(memfd)

	if r := p.await("plain", log.Query{Unit: "demo.service"}, message("plain")); r.Priority != log.Info || r.Invocation != "ab" || r.Identifier != "demo" {
		t.Errorf("plain: %+v", r)
	}
	if r := p.await("bad", log.Query{}, message("bad")); r.Priority != log.Error {
		t.Errorf("bad: %+v", r)
	}
	p.await("a long line's start", log.Query{}, func(r log.Record) bool { return r.Cut && len(r.Message) == log.MaxMessage })
	p.await("a long line's end", log.Query{}, message("yyyyy"))
	if r := p.await("tail", log.Query{}, message("tail")); r.Priority != log.Debug {
		t.Errorf("tail: %+v", r)
	}
	if r := p.await("syslog", log.Query{}, message("up")); r.Identifier != "chronyd" || r.Priority != log.Notice || r.PID != os.Getpid() {
		t.Errorf("syslog: %+v", r)
	}
	r := p.await("journal", log.Query{}, message("one"))
	if r.Priority != 4 || r.Identifier != "prog" || len(r.Fields) != 1 || r.Fields[0].Name != "CODE_LINE" {
		t.Errorf("journal: %+v", r)
	}
	p.await("the memfd", log.Query{}, message(big))
	p.await("PID 1", log.Query{Unit: "demo.service"}, message("stopped"))
	p.await("the loss", log.Query{}, func(r log.Record) bool { return strings.HasPrefix(r.Message, "70 bytes") })

	// An ended pipe that PID 1 still holds open does not keep it busy: some
	// window of 300 ms, 30 ticks of the kernel's count, passes without one.
	ticks := func() string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text))[13:15], "+") // utime, stime
	}
	deadline := time.Now().Add(20 * time.Second)
	for before := ticks(); ; before = ticks() {
		time.Sleep(300 * time.Millisecond)
		after := ticks()
		if after == before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the component does not come to rest: %s ticks, then %s", before, after)
		}
	}
}

// What a unit says about its log holds for its lines.
func TestUnitSettings(t *testing.T) {
	p := newPID1(t)
	p.start()
	notice, warning := log.Notice, log.Warning
	give := func(of Stream, text string) []log.Record {
		t.Helper()
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		s := &heldStream{of, ends[0], make(chan struct{})}
		p.mu.Lock()
		p.streams[of.ID] = s
		p.mu.Unlock()
		p.send(Message{Stream: &s.Stream}, ends[0])
		w := os.NewFile(uintptr(ends[1]), "output")
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		w.Close()
		select {
		case <-s.done:
		case <-time.After(30 * time.Second):
			t.Fatal("the stream is never over")
		}
		var all []log.Record
		for r, err := range log.Read(t.Context(), p.dir, log.Query{Unit: of.Unit}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		return all
	}
	got := give(Stream{ID: "1", Unit: "level.service", Level: &notice, NoPrefix: true, Fields: []string{"SITE=north"}}, "<3>text\n")
	if len(got) != 1 || got[0].Message != "<3>text" || got[0].Priority != log.Notice || got[0].Fields[0] != (log.Field{Name: "SITE", Value: "north"}) {
		t.Errorf("level and fields: %+v", got)
	}
	got = give(Stream{ID: "2", Unit: "max.service", LevelMax: &warning}, "<6>no\n<4>yes\n{\"level\":\"error\",\"msg\":\"structured\"}\n<7>last\n")
	if len(got) != 2 || got[0].Message != "yes" || got[1].Message != "structured" || got[1].Priority != log.Error {
		t.Errorf("the least urgent: %+v", got)
	}
	got = give(Stream{ID: "3", Unit: "rate.service", RateIntervalUS: 100_000, RateBurst: 5}, strings.Repeat("again\n", 50))
	if len(got) < 5 || len(got) > 50 || got[4].Message != "again" {
		t.Errorf("the rate: %d records", len(got))
	}
	suppressed := 0
	p.await("what was suppressed", log.Query{Unit: "rate.service"}, func(r log.Record) bool {
		if n := 0; strings.HasPrefix(r.Message, "Suppressed") {
			fmt.Sscanf(r.Message, "Suppressed %d messages from rate.service", &n)
			suppressed += n
		}
		return suppressed == 45
	})
	got = give(Stream{ID: "4", Unit: "free.service", RateIntervalUS: -1}, strings.Repeat("again\n", 300))
	if len(got) != 300 {
		t.Errorf("without a rate: %d records", len(got))
	}
}

// What was given up while the disk was full is counted and told, by the
// component that did it or by the next one; the rest is stored.
func TestGivenUp(t *testing.T) {
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprint("dies ", dies), func(t *testing.T) {
			dir, spools := t.TempDir(), t.TempDir()
			store, err := log.Open(dir, testBoot, log.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			open := func() *stream {
				var ends [2]int
				if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
					t.Fatal(err)
				}
				unix.Close(ends[1])
				s, err := openStream(Stream{ID: "ab", Unit: "a.service"}, ends[0], spools, store)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			const line = "0123456789abcde\n" // 16 bytes, whole pages of them
			if err := os.WriteFile(spools+"/ab", []byte(strings.Repeat(line, maxSpool/16)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := open()
			s.giveUp()
			if dies {
				s = open()
			}
			if s.lost != maxSpool/2 || s.stored != maxSpool/2 {
				t.Fatalf("%d bytes given up, at %d", s.lost, s.stored)
			}
			over, _, err := s.work(store, noRules(store), make([]byte, streamBuffer), readClock())
			if err != nil || !over {
				t.Fatalf("over %v, %v", over, err)
			}
			got := messages(t, dir)
			if len(got) != 1+maxSpool/2/16 || got[0] != fmt.Sprintf("%d bytes of output were lost, since the disk had no room for the log", maxSpool/2) || got[1]+"\n" != line {
				t.Errorf("%d records: %.3q", len(got), got)
			}
		})
	}
}
