package spawn

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// Stub is the child's part: it turns the process that it is into the one that
// the Spec describes, and executes its program. It returns only to exit.
func Stub() int {
	// Credentials and capabilities are a thread's: all is done, and the
	// program executed, by one.
	runtime.LockOSThread()
	extra := 0
	if len(os.Args) > 1 {
		extra, _ = strconv.Atoi(os.Args[1])
	}
	specFD := firstExtra + extra
	// Out of the way of the descriptors that the program is to find.
	reportFD, err := unix.FcntlInt(uintptr(specFD+1), unix.F_DUPFD_CLOEXEC, 1024)
	if err != nil {
		return exitExec
	}
	unix.Close(specFD + 1)
	unix.CloseOnExec(specFD)
	step, err := stub(specFD, extra)
	_, _ = unix.Write(reportFD, fmt.Appendf(nil, "%s\x00%v", step, err)) // nobody is left to tell of an error
	return exitExec
}

// exitExec is EXIT_EXEC of systemd.exec(5).
const exitExec = 203

func stub(specFD, extra int) (step string, err error) {
	var info unix.Stat_t
	if err := unix.Fstat(specFD, &info); err != nil {
		return "read the spec", err
	}
	text := make([]byte, info.Size)
	if _, err := unix.Pread(specFD, text, 0); err != nil {
		return "read the spec", err
	}
	var s Spec
	if err := json.Unmarshal(text, &s); err != nil {
		return "read the spec", err
	}
	unix.Close(specFD)
	p := &s.Process
	for _, st := range []struct {
		name string
		do   func() error
	}{
		{"make its directories", func() error { return MakeDirectories(p, "") }},
		{"pass descriptors on", func() error { return passDescriptors(&s, extra) }},
		{"set up its input and output", func() error { return stdio(p, s.Sockets) }},
		{"set its limits", func() error { return setLimits(p) }},
		{"read its environment files", func() error { return readEnvFiles(&s) }},
		{"change to its user", func() error {
			switch {
			case s.Command.Privileged:
				return nil
			case s.Command.KeepUser:
				return confine(p)
			}
			return changeUser(p)
		}},
		{"change to its working directory", func() error { return changeDir(p) }},
	} {
		if err := st.do(); err != nil {
			return st.name, err
		}
	}
	if s.Probe != nil {
		os.Exit(probe(s.Probe))
	}
	argv := expandLate(s.Command.Argv)
	s.Env = without(expandLate(s.Env), p.UnsetEnv)
	if s.Command.Substitute {
		argv = Substitute(argv, s.Env)
	}
	program, err := lookPath(s.Command.Path)
	if err != nil {
		return "find its program", err
	}
	return "execute " + program, syscall.Exec(program, argv, s.Env)
}

// MakeDirectories makes the unit's directories of one kind ("": all) with
// their mode and owner.
func MakeDirectories(p *plan.Process, kind string) error {
	for _, d := range p.Directories {
		if kind != "" && d.Kind != kind {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(d.Path), 0o755); err != nil {
			return err
		}
		if err := unix.Mkdir(d.Path, d.Mode); err != nil && err != unix.EEXIST {
			return fmt.Errorf("mkdir %s: %w", d.Path, err)
		}
		if err := ownDirectory(d, p); err != nil {
			return err
		}
	}
	return nil
}

// ownDirectory gives a directory its owner and mode. What the service may have
// put in its place since, such as a link, is an error and stays as it is.
func ownDirectory(d plan.Directory, p *plan.Process) error {
	fd, err := unix.Open(d.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", d.Path, err)
	}
	defer unix.Close(fd)
	if d.Kind != "configuration" {
		if err := unix.Fchown(fd, max(p.UID, 0), max(p.GID, 0)); err != nil {
			return fmt.Errorf("chown %s: %w", d.Path, err)
		}
	}
	if err := unix.Fchmod(fd, d.Mode); err != nil {
		return fmt.Errorf("chmod %s: %w", d.Path, err)
	}
	return nil
}

func changeDir(p *plan.Process) error {
	dir := p.Directory
	if dir == "" {
		dir = "/"
	}
	err := os.Chdir(dir)
	if err != nil && p.DirectoryOpt && errors.Is(err, os.ErrNotExist) {
		return os.Chdir("/")
	}
	return err
}

// lookPath finds a program that has no slash in its name.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(Path) {
		p := dir + "/" + name
		if unix.Access(p, unix.X_OK) == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", name, Path)
}

// passDescriptors tells the program of its sockets, as sd_listen_fds(3) has it,
// and moves the notification descriptor to its number.
func passDescriptors(s *Spec, extra int) error {
	if n := len(s.Sockets); n > 0 {
		s.Env = append(s.Env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID="+strconv.Itoa(os.Getpid()),
			"LISTEN_FDNAMES="+strings.Join(s.Sockets, ":"))
	}
	if from := firstExtra + extra - 1; s.NotifyFD != 0 && s.NotifyFD != from {
		if s.NotifyFD < firstExtra+len(s.Sockets) {
			return fmt.Errorf("descriptor %d is that of a socket, and cannot be NotificationFD= too", s.NotifyFD)
		}
		if err := unix.Dup3(from, s.NotifyFD, 0); err != nil {
			return fmt.Errorf("notification descriptor: %w", err)
		}
		unix.Close(from)
	}
	return nil
}
