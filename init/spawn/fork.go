package spawn

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// Child is the outcome of a fork.
type Child struct {
	PID    int
	Report int // the stub's pipe, not blocking, to be watched and closed; -1 when the program runs already
}

// Files are what a child is given; -1 stands for /dev/null.
type Files struct {
	In, Out, Err int
	Extra        []int
	CgroupFD     int
}

// Error is a fork that failed: Step names what was being done.
type Error struct {
	Step string
	Err  error
}

func (e *Error) Error() string { return e.Step + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Fork makes the process of spec. It blocks until the child has executed its
// program or the stub, and nothing that can hang stands between: call it from a
// pool, never from the loop. The loop registers the child with t.Forked.
func Fork(t *Table, spec *Spec, files Files, devNull int) (Child, error) {
	argv := spec.Command.Argv
	env := environment(&spec.Process, spec.Env)
	program := spec.Command.Path
	fds := []uintptr{orNull(files.In, devNull), orNull(files.Out, devNull), orNull(files.Err, devNull)}
	attr := &syscall.ProcAttr{Dir: "/", Env: env, Sys: &syscall.SysProcAttr{Setsid: true}}
	if files.CgroupFD >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, files.CgroupFD
	}
	report := -1
	var stubFDs []uintptr
	if spec.needsStub() {
		spec.Env = env
		memfd, reader, writer, err := stubFiles(spec)
		if err != nil {
			return Child{}, &Error{"prepare the stub", err}
		}
		defer unix.Close(memfd)
		defer unix.Close(writer)
		report = reader
		stubFDs = []uintptr{uintptr(memfd), uintptr(writer)}
		program, argv = "/proc/self/exe", []string{StubName, strconv.Itoa(len(files.Extra)), spec.Process.Log.Identifier}
	} else if p := &spec.Process; !spec.Command.Privileged && (p.UID >= 0 || p.GID >= 0) {
		attr.Sys.Credential = credential(p)
	}
	for _, fd := range files.Extra {
		fds = append(fds, uintptr(fd))
	}
	attr.Files = append(fds, stubFDs...)

	t.begin()
	pid, err := forkExec(program, argv, attr)
	if err != nil {
		t.Forked(0, 0)
		if report >= 0 {
			unix.Close(report)
		}
		return Child{}, &Error{"execute " + program, err}
	}
	return Child{PID: pid, Report: report}, nil
}

// timerSlack is the kernel's default (PR_SET_TIMERSLACK(2const)).
const timerSlack = 50 * time.Microsecond

// forkExec gives the child the timer slack that processes have by default, and
// not that of PID 1's threads. The thread keeps it, which does no harm: what
// made the slack necessary is the runtime's monitor, and that never forks.
func forkExec(program string, argv []string, attr *syscall.ProcAttr) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) // fails for no value
	return syscall.ForkExec(program, argv, attr)
}

func orNull(fd, devNull int) uintptr {
	if fd < 0 {
		return uintptr(devNull)
	}
	return uintptr(fd)
}

func credential(p *plan.Process) *syscall.Credential {
	c := &syscall.Credential{Uid: uint32(max(p.UID, 0)), Gid: uint32(max(p.GID, 0))}
	for _, g := range p.Groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

// stubFiles makes the sealed memfd that carries the spec, and the report pipe.
func stubFiles(spec *Spec) (memfd, reader, writer int, err error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return 0, 0, 0, err
	}
	memfd, err = unix.MemfdCreate("spec", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("memfd_create: %w", err)
	}
	if n, err := unix.Pwrite(memfd, text, 0); err != nil || n != len(text) {
		unix.Close(memfd)
		return 0, 0, 0, fmt.Errorf("write spec: %d of %d bytes: %v", n, len(text), err)
	}
	_, _ = unix.FcntlInt(uintptr(memfd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		unix.Close(memfd)
		return 0, 0, 0, fmt.Errorf("pipe2: %w", err)
	}
	return memfd, pipe[0], pipe[1], nil
}

// ReadReport reads what the stub had to say. running is true once the program
// is executed; otherwise step and message say what failed. both are empty and
// running is false while there is nothing to read yet.
func ReadReport(fd int) (running bool, step, message string) {
	b := make([]byte, 4096)
	n, err := unix.Read(fd, b)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, "", ""
	case err != nil:
		return false, "read the stub's report", err.Error()
	case n == 0:
		return true, "", ""
	}
	step, message, _ = strings.Cut(string(b[:n]), "\x00")
	return false, step, message
}
