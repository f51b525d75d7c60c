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
	specFD, reportFD := firstExtra+extra, firstExtra+extra+1
	unix.CloseOnExec(specFD)
	unix.CloseOnExec(reportFD)
	step, err := stub(specFD)
	_, _ = unix.Write(reportFD, fmt.Appendf(nil, "%s\x00%v", step, err)) // nobody is left to tell of an error
	return 203                                                           // EXIT_EXEC of systemd.exec(5)
}

func stub(specFD int) (step string, err error) {
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
	p := &s.Process
	privileged := s.Command.Privileged
	for _, st := range []struct {
		name string
		do   func() error
	}{
		{"make its directories", func() error { return MakeDirectories(p, "") }},
		{"set up its input and output", func() error { return stdio(p) }},
		{"set its limits", func() error { return setLimits(p) }},
		{"read its environment files", func() error { return readEnvFiles(&s) }},
		{"change to its user", func() error {
			if privileged {
				return nil
			}
			return changeUser(p)
		}},
		{"change to its working directory", func() error { return changeDir(p) }},
	} {
		if err := st.do(); err != nil {
			return st.name, err
		}
	}
	argv := s.Command.Argv
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

// stdio opens what only the child may: a terminal, and files that are written.
func stdio(p *plan.Process) error {
	if strings.HasPrefix(p.Input, "tty") {
		tty, err := openTTY(p.TTY.Path)
		if err != nil {
			return err
		}
		for fd, kind := range []string{"tty", p.Output, p.Error} {
			if kind == "tty" || kind == "" || kind == "inherit" {
				if err := unix.Dup3(tty, fd, 0); err != nil {
					return err
				}
			}
		}
		unix.Close(tty)
	}
	for i, kind := range []string{p.Output, p.Error} {
		fd := i + 1
		how, file, ok := strings.Cut(kind, ":")
		if fd == 2 && kind == "inherit" && strings.Contains(p.Output, ":") {
			if err := unix.Dup3(1, 2, 0); err != nil {
				return err
			}
		}
		if !ok {
			continue
		}
		flags := unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC
		switch how {
		case "append":
			flags |= unix.O_APPEND
		case "truncate":
			flags |= unix.O_TRUNC
		}
		f, err := unix.Open(file, flags, 0o644)
		if err != nil {
			return fmt.Errorf("open %s: %w", file, err)
		}
		if err := unix.Dup3(f, fd, 0); err != nil {
			return err
		}
		unix.Close(f)
	}
	return nil
}

// openTTY opens a terminal and makes it the session's. /dev/console stands for
// the device behind it, which alone can be a controlling terminal.
func openTTY(path string) (int, error) {
	if path == "" || path == "/dev/console" {
		path = "/dev/console"
		if b, err := os.ReadFile("/sys/class/tty/console/active"); err == nil {
			if names := strings.Fields(string(b)); len(names) > 0 {
				path = "/dev/" + names[len(names)-1]
			}
		}
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCSCTTY, 1); err != nil {
		return -1, fmt.Errorf("make %s the controlling terminal: %w", path, err)
	}
	return fd, nil
}

func setLimits(p *plan.Process) error {
	for _, l := range p.Limits {
		if err := unix.Prlimit(0, l.Resource, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil); err != nil {
			return fmt.Errorf("limit %d to %d:%d: %w", l.Resource, l.Soft, l.Hard, err)
		}
	}
	if p.Nice != nil {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, *p.Nice); err != nil {
			return fmt.Errorf("nice %d: %w", *p.Nice, err)
		}
	}
	if p.OOMScoreAdjust != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", fmt.Append(nil, *p.OOMScoreAdjust), 0); err != nil {
			return err
		}
	}
	if p.Umask >= 0 {
		unix.Umask(p.Umask)
	}
	return nil
}

func changeUser(p *plan.Process) error {
	if p.UID >= 0 || p.GID >= 0 {
		groups := make([]uint32, len(p.Groups))
		for i, g := range p.Groups {
			groups[i] = uint32(g)
		}
		if err := rawSetgroups(groups); err != nil {
			return fmt.Errorf("setgroups %v: %w", groups, err)
		}
		gid := max(p.GID, 0)
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); e != 0 {
			return fmt.Errorf("setresgid %d: %w", gid, e)
		}
	}
	if p.UID > 0 {
		if len(p.Ambient) > 0 {
			if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
				return fmt.Errorf("keep capabilities: %w", err)
			}
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(p.UID), uintptr(p.UID), uintptr(p.UID)); e != 0 {
			return fmt.Errorf("setresuid %d: %w", p.UID, e)
		}
	}
	if err := raiseAmbient(p.Ambient); err != nil {
		return err
	}
	if p.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no_new_privs: %w", err)
		}
	}
	return nil
}

func raiseAmbient(caps []int) error {
	if len(caps) == 0 {
		return nil
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	for _, c := range caps {
		bit := uint32(1) << (c % 32)
		data[c/32].Inheritable |= bit
		data[c/32].Effective |= bit
	}
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	for _, c := range caps {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0); err != nil {
			return fmt.Errorf("raise ambient capability %d: %w", c, err)
		}
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
