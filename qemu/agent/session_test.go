package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 20 * time.Second

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// cable is a stream between a host and a guest that may be replaced, and that
// can be given bytes which neither of them sent.
type cable struct {
	host, guest net.Conn
}

func newCable(t *testing.T) cable {
	h, g := net.Pipe()
	t.Cleanup(func() { h.Close(); g.Close() })
	return cable{h, g}
}

func newSession(t *testing.T) *Client {
	c := newCable(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	client := NewClient(c.host)
	go func() { served <- Serve(ctx, c.guest) }()
	t.Cleanup(func() {
		stop()
		client.Close()
		select {
		case <-served:
		case <-time.After(patience):
			t.Error("Serve does not end")
		}
	})
	return client
}

func sh(script string) Command { return Command{Args: []string{"/bin/sh", "-c", script}} }

func TestRun(t *testing.T) {
	client := newSession(t)
	for _, tc := range []struct {
		name   string
		cmd    Command
		code   int
		signal string
		out    string
		err    string
	}{
		{name: "exit 0", cmd: sh("echo out; echo err >&2"), out: "out\n", err: "err\n"},
		{name: "exit 3", cmd: sh("exit 3"), code: 3},
		{name: "signal", cmd: sh("kill -9 $$"), code: -1, signal: "killed"},
		{name: "stdin", cmd: Command{Args: []string{"cat"}, Stdin: strings.NewReader("zero \x00 and all")}, out: "zero \x00 and all"},
		{name: "no stdin", cmd: sh("cat; echo end"), out: "end\n"},
		{name: "environment", cmd: Command{Args: []string{"/bin/sh", "-c", "echo $A; pwd"}, Env: []string{"A=b c"}, Dir: "/proc"}, out: "b c\n/proc\n"},
		{name: "stdin nobody reads", cmd: Command{Args: []string{"true"}, Stdin: bytes.NewReader(make([]byte, 1<<20))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, err := client.Run(deadline(t), tc.cmd)
			if err != nil {
				t.Fatal(err)
			}
			if res.Code != tc.code || res.Signal != tc.signal || string(res.Stdout) != tc.out || string(res.Stderr) != tc.err {
				t.Errorf("got %+v (stdout %q, stderr %q)", res, res.Stdout, res.Stderr)
			}
		})
	}
}

func TestRunMissingProgram(t *testing.T) {
	_, err := newSession(t).Run(deadline(t), Command{Args: []string{"no-such-program"}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("error %v", err)
	}
}

func TestHugeOutputAndInput(t *testing.T) {
	client := newSession(t)
	const size = 24 << 20
	sum := sha256.New()
	content := io.TeeReader(io.LimitReader(&pattern{}, size), sum)
	res, err := client.Run(deadline(t), Command{Args: []string{"sha256sum"}, Stdin: content})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sum.Sum(nil)); !strings.HasPrefix(string(res.Stdout), want) {
		t.Errorf("input: the guest saw %s, want %s", res.Stdout, want)
	}
	back := sha256.New()
	if _, err := client.Run(deadline(t), Command{Args: []string{"head", "-c", fmt.Sprint(size), "/dev/zero"}, Stdout: back}); err != nil {
		t.Fatal(err)
	}
	zeros := sha256.Sum256(make([]byte, size))
	if !bytes.Equal(back.Sum(nil), zeros[:]) {
		t.Error("output: not what the guest wrote")
	}
}

// A command that never reads does not hold up another one.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	client := newSession(t)
	ctx, cancel := context.WithCancel(deadline(t))
	slow := make(chan error, 1)
	go func() {
		_, err := client.Run(ctx, Command{Args: []string{"sleep", "1000"}, Stdin: io.LimitReader(&pattern{}, 1<<30)})
		slow <- err
	}()
	for range 20 {
		if res, err := client.Run(ctx, sh("echo here")); err != nil || string(res.Stdout) != "here\n" {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	cancel()
	if err := <-slow; !errors.Is(err, context.Canceled) {
		t.Errorf("the slow one ended with %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	client := newSession(t)
	ctx := deadline(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			want := strings.Repeat(fmt.Sprintf("%d ", i), 5000)
			res, err := client.Run(ctx, Command{Args: []string{"cat"}, Stdin: strings.NewReader(want)})
			if err != nil || string(res.Stdout) != want {
				t.Errorf("command %d: %v, %d bytes", i, err, len(res.Stdout))
			}
		})
	}
	wg.Wait()
}

func TestCancelKillsTheProcessGroup(t *testing.T) {
	client := newSession(t)
	fifo := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(deadline(t))
	out := &notice{want: "started", seen: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		_, err := client.Run(ctx, Command{Args: []string{"/bin/sh", "-c", "sleep 1000 & echo $! >" + fifo + "; echo started; wait"}, Stdout: out})
		ended <- err
	}()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("ended early: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	pid, err := os.ReadFile(fifo)
	if err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("while kill -0 %s 2>/dev/null && ! grep -q 'State:.Z' /proc/%[1]s/status; do :; done", strings.TrimSpace(string(pid)))
	if _, err := client.Run(deadline(t), sh(gone)); err != nil {
		t.Errorf("the grandchild %s lives on: %v", pid, err)
	}
}

func TestOutputHeldByAGrandchild(t *testing.T) {
	res, err := newSession(t).Run(deadline(t), sh("sleep 1000 & echo $!"))
	if err != nil {
		t.Fatal(err)
	}
	if !res.Held || !res.OK() {
		t.Errorf("got %+v, want exit code 0 and Held", res)
	}
	if res, err := newSession(t).Run(deadline(t), sh("kill "+string(res.Stdout))); err != nil || !res.OK() {
		t.Errorf("the grandchild cannot be ended: %v, %v", res, err)
	}
}

func TestFiles(t *testing.T) {
	client := newSession(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	if err := client.Push(deadline(t), path, 0o640, bytes.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	got, err := client.Fetch(deadline(t), path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("fetched %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".push-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := client.Fetch(deadline(t), path+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// The host greets a guest that is not there yet; the guest dies in the middle
// of a frame; another one begins behind it on the same stream.
func TestGuestRestartsMidFrame(t *testing.T) {
	c := newCable(t)
	client := NewClient(c.host)
	defer client.Close()

	first, firstEnd := net.Pipe()
	go pump(c.guest, first)
	died := make(chan error, 1)
	go func() { died <- Serve(t.Context(), firstEnd) }()
	if _, err := client.Ready(deadline(t)); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	started := &notice{want: "up", seen: make(chan struct{})}
	go func() {
		_, err := client.Run(t.Context(), Command{Args: []string{"/bin/sh", "-c", "echo up; sleep 1000"}, Stdout: started})
		lost <- err
	}()
	<-started.seen
	firstEnd.Close()
	<-died

	half := appendFrame(nil, frame{kindStdout, client.session, 1, []byte("cut off here")})
	if _, err := c.guest.Write(half[:len(half)/2]); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go Serve(ctx, c.guest)
	if err := <-lost; !errors.Is(err, ErrRestarted) {
		t.Errorf("the command of the old guest ended with %v", err)
	}
	res, err := client.Run(deadline(t), sh("echo again"))
	if err != nil || string(res.Stdout) != "again\n" {
		t.Errorf("after the restart: %+v, %v", res, err)
	}
}

// A new host on the same stream ends what the old one had begun, and gets none
// of its output.
func TestHostRestarts(t *testing.T) {
	guest, guestEnd := net.Pipe()
	defer guest.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go Serve(ctx, guestEnd)

	hostEnd, host := net.Pipe()
	go pump(guest, host)
	old := NewClient(hostEnd)
	started := &notice{want: "up", seen: make(chan struct{})}
	go old.Run(ctx, Command{Args: []string{"/bin/sh", "-c", "echo up; yes"}, Stdout: started})
	select {
	case <-started.seen:
	case <-deadline(t).Done():
		t.Fatal("the first command did not start")
	}
	old.Close()

	client := NewClient(guest)
	defer client.Close()
	for range 3 {
		res, err := client.Run(deadline(t), sh("echo mine"))
		if err != nil || string(res.Stdout) != "mine\n" {
			t.Fatalf("the new host got %+v, %v", res, err)
		}
	}
}

func TestFindPort(t *testing.T) {
	class := t.TempDir()
	for dev, name := range map[string]string{"vport0p1": "org.qemu.guest_agent.0", "vport1p2": PortName} {
		if err := os.MkdirAll(filepath.Join(class, dev), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(class, dev, "name"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := findPort(class, PortName); got != "/dev/vport1p2" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := findPort(class, "other"); !errors.Is(err, ErrNoPort) {
		t.Errorf("a missing port gives %v", err)
	}
}

// pump copies both ways until one side ends, and leaves a open.
func pump(a, b net.Conn) {
	go io.Copy(a, b)
	buf := make([]byte, 4096)
	for {
		n, err := a.Read(buf)
		if err != nil {
			return
		}
		if _, err := b.Write(buf[:n]); err != nil {
			return
		}
	}
}

// notice is a writer that tells when a text was written.
type notice struct {
	want string
	seen chan struct{}
	all  []byte
	once sync.Once
}

func (n *notice) Write(p []byte) (int, error) {
	if n.all = append(n.all, p...); bytes.Contains(n.all, []byte(n.want)) {
		n.once.Do(func() { close(n.seen) })
		n.all = nil
	}
	return len(p), nil
}

// pattern is an endless stream in which every zero is followed by 1, 2, ….
type pattern struct{ at byte }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = p.at
		p.at++
	}
	return len(b), nil
}
