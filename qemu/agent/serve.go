package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// maxJobs bounds how many commands one session may have at a time.
const maxJobs = 64

// Serve answers the host on port until ctx ends or the port fails. The
// commands that still run are killed before it returns.
func Serve(ctx context.Context, port io.ReadWriteCloser) error {
	s := &server{port: port, bootID: bootID(), jobs: map[uint32]*job{}}
	stop := context.AfterFunc(ctx, func() { port.Close() })
	defer stop()
	defer s.begin(0)

	if err := s.send(frame{kind: kindHere}); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	frames := newFrameReader(port)
	for {
		f, err := frames.next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("agent: read port: %w", err)
		}
		s.take(f)
	}
}

// server is the guest's side. Its reader never waits for a command.
type server struct {
	port   io.Writer
	bootID string
	writes sync.Mutex // held for each Write to port

	mu      sync.Mutex
	session uint64
	jobs    map[uint32]*job
}

// take folds one frame of the host into the state.
func (s *server) take(f frame) {
	if f.kind == kindHello {
		s.begin(f.session)
		_ = s.send(frame{kindWelcome, f.session, 0, encode(welcome{BootID: s.bootID})})
		return
	}
	s.mu.Lock()
	current, j := s.session, s.jobs[f.id]
	s.mu.Unlock()
	if f.session == 0 || f.session != current {
		return
	}
	switch {
	case f.kind == kindStart && j == nil:
		s.start(f)
	case j == nil:
	case f.kind == kindStdin:
		if !j.stdin.push(f.body) {
			j.kill()
		}
	case f.kind == kindEOF:
		j.stdin.end()
	case f.kind == kindKill:
		j.kill()
	}
}

// begin makes nonce the session and kills what an earlier one left running.
func (s *server) begin(nonce uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if nonce == s.session {
		return
	}
	for _, j := range s.jobs {
		j.kill()
	}
	s.session, s.jobs = nonce, map[uint32]*job{}
}

func (s *server) start(f frame) {
	var req request
	if err := json.Unmarshal(f.body, &req); err != nil {
		s.exit(f.session, f.id, exit{Code: -1, Error: "the request is not understood: " + err.Error()})
		return
	}
	ctx, kill := context.WithCancel(context.Background())
	j := &job{server: s, session: f.session, id: f.id, ctx: ctx, kill: kill}
	j.stdin = newInbox(j.credit)
	s.mu.Lock()
	busy := len(s.jobs) >= maxJobs
	if !busy {
		s.jobs[f.id] = j
	}
	s.mu.Unlock()
	if busy {
		kill()
		s.exit(f.session, f.id, exit{Code: -1, Error: fmt.Sprintf("%d commands are running already", maxJobs)})
		return
	}
	go func() {
		defer kill()
		ended := j.run(req)
		j.stdin.abandon()
		s.mu.Lock()
		if s.jobs[f.id] == j {
			delete(s.jobs, f.id)
		}
		s.mu.Unlock()
		s.exit(f.session, f.id, ended)
	}()
}

func (s *server) exit(session uint64, id uint32, e exit) {
	_ = s.send(frame{kindExit, session, id, encode(e)})
}

func (s *server) send(f frame) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	if _, err := s.port.Write(appendFrame(nil, f)); err != nil {
		return fmt.Errorf("write to port: %w", err)
	}
	return nil
}

// credit tells the host that n bytes of the job's input were consumed.
func (j *job) credit(n int) {
	_ = j.server.send(frame{kindCredit, j.session, j.id, strconv.AppendInt(nil, int64(n), 10)})
}

// bootID returns the kernel's name for this boot, or "" without /proc.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}
