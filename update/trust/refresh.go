package trust

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// mostGets is how many files one refresh takes: the new roots, the one after the last of
// them, and one each of timestamp, snapshot and targets.
const mostGets = MostRoots + 1 + 3

// nobody is the user and group that a child of root runs as.
const nobody = 65534

// waitDelay is for how long a child that was killed may leave its stderr open.
const waitDelay = 5 * time.Second

// Source is where the files of a repository come from: a server, a folder, a bundle.
type Source interface {
	// Get returns the file of a relative name such as "metadata/timestamp.json". It
	// returns an error that wraps fs.ErrNotExist where there is none, and one that wraps
	// ErrTooLarge, having read no more, where it is longer than most bytes. A source
	// that is slow ends by ctx or by a deadline of its own.
	Get(ctx context.Context, name string, most int64) ([]byte, error)
}

// Refresh runs the child, a program that calls tuf.Main, and returns what it trusts of
// what a source offers. The first of argv is the program's path, or "/proc/self/exe" for
// this one.
//
// The error is a *Refusal if the metadata is not trusted, and then what is in
// Result.Metadata is to be stored as well: a root that was renewed, or a version below
// which the source must not fall. Any other error is the source's, the child's, or ctx's,
// and then the result is empty.
//
// A child of root is another user, in a network namespace of its own.
func Refresh(ctx context.Context, argv []string, req Request, source Source) (Result, error) {
	running, kill := context.WithCancel(ctx)
	defer kill()
	cmd := exec.CommandContext(running, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = "/", []string{"GOMAXPROCS=1"}, waitDelay
	var said tail
	cmd.Stderr = &said
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: nobody, Gid: nobody},
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, fmt.Errorf("start the child that reads metadata: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return Result{}, fmt.Errorf("start %s to read metadata: %w", argv[0], err)
	}
	res, err := converse(ctx, in, out, req, source)
	if err != nil {
		kill() // it has no more to say that we would listen to
	}
	_ = in.Close()
	ended := cmd.Wait()
	switch {
	case err != nil && ctx.Err() != nil:
		return Result{}, fmt.Errorf("read metadata: %w", context.Cause(ctx))
	case err != nil:
		return Result{}, fmt.Errorf("read metadata: %w%s", err, said.suffix())
	case ended != nil:
		return Result{}, fmt.Errorf("%s, which reads metadata, ended with %w%s", argv[0], ended, said.suffix())
	case res.Refusal != nil:
		return res, res.Refusal
	}
	return res, nil
}

// converse sends the request and answers calls until there is a result.
func converse(ctx context.Context, to io.Writer, from io.Reader, req Request, source Source) (Result, error) {
	if err := Send(to, req); err != nil {
		return Result{}, err
	}
	for gets := 0; ; gets++ {
		var c Call
		if err := Receive(from, &c); err != nil {
			return Result{}, err
		}
		if c.Result != nil {
			if err := c.Result.check(); err != nil {
				return Result{}, fmt.Errorf("the child's result is not believed: %w", err)
			}
			return *c.Result, nil
		}
		if gets == mostGets {
			return Result{}, fmt.Errorf("the child asked for more than %d files", mostGets)
		}
		a, err := answer(ctx, c, source)
		if err != nil {
			return Result{}, err
		}
		if err := Send(to, a); err != nil {
			return Result{}, err
		}
	}
}

// answer gets the file of a call, if it is one that the child may have.
func answer(ctx context.Context, c Call, source Source) (Answer, error) {
	most, ok := limit(remoteName, c.Get)
	if !ok {
		return Answer{}, fmt.Errorf("the child asked for %.80q, which is no metadata file", c.Get)
	}
	if c.Most > 0 {
		most = min(most, c.Most)
	}
	b, err := source.Get(ctx, c.Get, most)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Answer{Reason: Missing}, nil
	case errors.Is(err, ErrTooLarge), err == nil && int64(len(b)) > most:
		return Answer{Reason: TooLarge}, nil
	case err != nil:
		return Answer{}, fmt.Errorf("get %s: %w", c.Get, err)
	}
	return Answer{Bytes: b}, nil
}

// tail keeps the last bytes that are written to it.
type tail struct{ text []byte }

const mostTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-mostTail):]...)
	t.text = t.text[max(0, len(t.text)-mostTail):]
	return len(p), nil
}

// suffix is what was written, for the end of an error's text.
func (t *tail) suffix() string {
	text := strings.TrimSpace(printable(string(t.text), mostTail))
	if text == "" {
		return ""
	}
	return "; it said: " + text
}
