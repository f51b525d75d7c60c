package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

const testBoot = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"

// With this variable the test binary is the component.
const beComponent = "CLARITY_TEST_INTAKE"

// testLimits make many small segments.
var testLimits = log.Limits{SegmentBytes: 64 << 10, TotalBytes: 64 << 20}

func TestMain(m *testing.M) {
	if dir := os.Getenv(beComponent); dir != "" {
		err := Run(context.Background(), Config{Link: 3, Dir: dir, BootID: testBoot,
			Limits: testLimits, Moved: testLimits,
			MaxLevel: log.Debug})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pid1 is PID 1's side, as far as the component sees it.
type pid1 struct {
	t       *testing.T
	dir     string
	far     *os.File // the component's end of the link, which outlives it
	link    int
	cmd     *exec.Cmd
	mu      sync.Mutex
	streams map[string]*heldStream
	sockets map[string]int
	move    string
}

type heldStream struct {
	Stream
	read int
	done chan struct{}
}

func newPID1(t *testing.T) *pid1 {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	one := &pid1{t: t, dir: t.TempDir(), link: p[0], far: os.NewFile(uintptr(p[1]), "link"),
		streams: map[string]*heldStream{}, sockets: map[string]int{}}
	ended := make(chan struct{})
	go func() { defer close(ended); one.listen() }()
	t.Cleanup(func() {
		one.kill()
		_ = unix.Shutdown(one.link, unix.SHUT_RDWR)
		<-ended
		unix.Close(one.link)
		one.far.Close()
	})
	return one
}

// start begins a component and tells it all that is live.
func (p *pid1) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), beComponent+"="+p.dir)
	p.cmd.ExtraFiles = []*os.File{p.far}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for name, fd := range p.sockets {
		p.send(Message{Socket: name}, fd)
	}
	if p.move != "" {
		p.send(Message{Move: p.move}, -1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.streams {
		p.send(Message{Stream: &s.Stream}, s.read)
	}
}

func (p *pid1) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
		p.cmd = nil
	}
}

func (p *pid1) send(m Message, fd int) {
	p.t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	if err := unix.Sendmsg(p.link, text, rights, nil, 0); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pid1) listen() {
	buf := make([]byte, 1024)
	for {
		n, _, _, _, err := unix.Recvmsg(p.link, buf, nil, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		var r Reply
		if json.Unmarshal(buf[:n], &r) != nil || r.Done == "" {
			continue
		}
		p.mu.Lock()
		if s := p.streams[r.Done]; s != nil {
			unix.Close(s.read)
			close(s.done)
			delete(p.streams, r.Done)
		}
		p.mu.Unlock()
	}
}

// stream makes the pipe of an invocation and tells the component.
func (p *pid1) stream(id, unit string) (*os.File, *heldStream) {
	p.t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		p.t.Fatal(err)
	}
	s := &heldStream{Stream{ID: id, Unit: unit, Invocation: id, Identifier: strings.TrimSuffix(unit, ".service")}, ends[0], make(chan struct{})}
	p.mu.Lock()
	p.streams[id] = s
	p.mu.Unlock()
	p.send(Message{Stream: &s.Stream}, ends[0])
	return os.NewFile(uintptr(ends[1]), "output"), s
}

// socket binds a datagram socket and hands it over.
func (p *pid1) socket(name string) *net.UnixConn {
	p.t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.t.TempDir(), name)
	for _, option := range []int{unix.SO_PASSCRED, unix.SO_TIMESTAMPNS} {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1))
	}
	if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: path})); err != nil {
		p.t.Fatal(err)
	}
	p.sockets[name] = fd
	p.t.Cleanup(func() { unix.Close(fd) })
	p.send(Message{Socket: name}, fd)
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	return conn
}

// await waits until the last record of the store satisfies the predicate.
func (p *pid1) await(what string, q log.Query, is func(log.Record) bool) log.Record {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	q.Follow = true
	for r, err := range log.Read(ctx, p.dir, q) {
		if err != nil {
			p.t.Fatal(err)
		}
		if is(r) {
			return r
		}
	}
	p.t.Fatalf("waited 30 s for %s", what)
	return log.Record{}
}

func message(text string) func(log.Record) bool {
	return func(r log.Record) bool { return r.Message == text }
}

// The component is killed again and again while services write, programs log
// and PID 1 speaks; the store is moved in the middle of it. Every line is there
// once and in order.
func TestKilledAtRandom(t *testing.T) {
	const writers, lines, kills = 4, 20_000, 25
	p := newPID1(t)
	syslog := p.socket("syslog")
	p.start()
	var wg sync.WaitGroup
	var held []*heldStream
	for n := range writers {
		w, s := p.stream(fmt.Sprintf("%08x", n+1), fmt.Sprintf("w%d.service", n))
		held = append(held, s)
		wg.Go(func() {
			defer w.Close()
			random := rand.New(rand.NewPCG(uint64(n), 7))
			var b bytes.Buffer
			for i := range lines {
				fmt.Fprintf(&b, "<%d>%d %s\n", i%8, i, strings.Repeat("x", random.IntN(60)))
				if i == lines-1 {
					b.WriteString("the end without its newline")
				}
				// Writes end anywhere, in lines too.
				for b.Len() > 0 && (i == lines-1 || b.Len() > 4000) {
					if _, err := w.Write(b.Next(1 + random.IntN(6000))); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	const datagrams = 5000
	wg.Go(func() {
		for i := range datagrams {
			if _, err := fmt.Fprintf(syslog, "<13>Nov 23 12:00:00 tag[7]: %d", i); err != nil {
				t.Error(err)
				return
			}
		}
	})
	later := filepath.Join(t.TempDir(), "var")
	random := rand.New(rand.NewPCG(1, 2))
	for n := range kills {
		// It is not the time that matters, only that it is another one each
		// time: the component is somewhere in its work.
		time.Sleep(time.Duration(random.IntN(40_000)) * time.Microsecond)
		p.kill()
		p.send(Message{Record: &Said{Unit: "w0.service", Priority: 6, Message: fmt.Sprintf("killed %d", n), MonotonicUS: uint64(n + 1), RealtimeUS: 1}}, -1)
		if n == kills/2 {
			p.move = later
		}
		p.start()
	}
	wg.Wait()
	for _, s := range held {
		select {
		case <-s.done:
		case <-time.After(60 * time.Second):
			t.Fatalf("stream %s is never told to be over", s.ID)
		}
	}
	p.await("the last datagram", log.Query{Boot: strings.ReplaceAll(testBoot, "-", "")}, func(r log.Record) bool {
		return r.Identifier == "tag" && r.Message == fmt.Sprint(datagrams-1)
	})
	p.kill()
	if got := log.Locate(p.dir); got != later {
		t.Errorf("the store is in %s", got)
	}

	next := map[string]int{}
	seq := uint64(0)
	for r, err := range log.Read(t.Context(), p.dir, log.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seq++; r.Seq != seq {
			t.Fatalf("record %d has number %d", seq, r.Seq)
		}
		from := r.Unit + r.Identifier
		if r.Identifier == "clarityd" {
			continue
		}
		n := next[from]
		next[from]++
		want := fmt.Sprint(n)
		switch {
		case r.Identifier == "init":
			want = "killed " + want
		case r.Unit != "" && n == lines:
			want = "the end without its newline"
		case r.Unit != "" && r.Priority != n%8:
			t.Fatalf("%s: line %d has priority %d", from, n, r.Priority)
		}
		if r.Message != want && !strings.HasPrefix(r.Message, want+" ") {
			t.Fatalf("%s: after %d lines comes %.40q", from, n, r.Message)
		}
	}
	for n := range writers {
		if got := next[fmt.Sprintf("w%d.servicew%d", n, n)]; got != lines+1 {
			t.Errorf("writer %d: %d lines of %d", n, got, lines+1)
		}
	}
	if next["tag"] != datagrams || next["w0.serviceinit"] != kills {
		t.Errorf("%d datagrams of %d, %d records of PID 1 of %d", next["tag"], datagrams, next["w0.serviceinit"], kills)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "spool", "*")); len(left) > 0 {
		t.Errorf("spools left behind: %v", left)
	}
}
