package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// heldFor is how long, after a command ended, its output is read on when a
// process that it left behind holds it open.
const heldFor = 2 * time.Second

// job is one request that the guest carries out.
type job struct {
	server  *server
	session uint64
	id      uint32
	ctx     context.Context // ends when the job is to end
	kill    context.CancelFunc
	stdin   *inbox
}

func (j *job) run(req request) exit {
	var ended exit
	var err error
	switch req.Op {
	case "exec":
		ended, err = j.exec(req)
	case "read":
		err = j.read(req.Path)
	case "write":
		err = j.write(req.Path, fs.FileMode(req.Mode).Perm())
	default:
		err = fmt.Errorf("this agent knows no operation %q", req.Op)
	}
	if err != nil {
		return exit{Code: -1, Error: err.Error(), Missing: errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound)}
	}
	return ended
}

// exec runs a command in a process group of its own.
func (j *job) exec(req request) (exit, error) {
	if len(req.Args) == 0 {
		return exit{}, errors.New("no command given")
	}
	cmd := exec.CommandContext(j.ctx, req.Args[0], req.Args[1:]...)
	cmd.Env = append(os.Environ(), req.Env...)
	cmd.Dir = req.Dir
	cmd.Stdout = output{j, kindStdout}
	cmd.Stderr = output{j, kindStderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = heldFor
	if req.Stdin {
		in, err := cmd.StdinPipe()
		if err != nil {
			return exit{}, err
		}
		go func() {
			_, _ = io.Copy(in, j.stdin)
			in.Close()
			j.stdin.abandon()
		}()
	}
	if err := cmd.Start(); err != nil {
		return exit{}, err
	}
	err := cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		return exit{}, err
	}
	ended := exit{Code: status.ExitStatus(), Held: errors.Is(err, exec.ErrWaitDelay)}
	if status.Signaled() {
		ended.Signal = status.Signal().String()
	}
	return ended, nil
}

func (j *job) read(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	buf := make([]byte, maxBody)
	for j.ctx.Err() == nil {
		n, err := file.Read(buf)
		if n > 0 {
			if _, err := (output{j, kindStdout}).Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return j.ctx.Err()
}

// write replaces the file by a rename.
func (j *job) write(path string, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".push-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already if the rename was reached
	defer file.Close()
	stop := context.AfterFunc(j.ctx, j.stdin.abandon)
	defer stop()
	if _, err := io.Copy(file, j.stdin); err != nil {
		return err
	}
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// output sends what is written to it to the host, in frames.
type output struct {
	job  *job
	kind kind
}

func (o output) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n := min(len(p)-sent, maxBody)
		if err := o.job.server.send(frame{o.kind, o.job.session, o.job.id, p[sent : sent+n]}); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(p), nil
}
