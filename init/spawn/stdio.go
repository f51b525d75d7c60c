package spawn

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// stdio opens what only the child may: a terminal, files, the data of its input;
// and finds what it was passed. sockets are the names of its sockets.
func stdio(p *plan.Process, sockets []string) error {
	tty := -1
	forms := []string{p.Input, p.Output, p.Error}
	if usesTTY(forms) {
		var err error
		if tty, err = openTTY(&p.TTY, p.Input); err != nil {
			return err
		}
		defer unix.Close(tty)
	}
	for fd, form := range forms {
		from, err := open(fd, form, p, sockets, tty)
		if err != nil {
			return err
		}
		if from >= 0 && from != fd {
			if err := unix.Dup3(from, fd, 0); err != nil {
				return fmt.Errorf("descriptor %d: %w", fd, err)
			}
			if from >= firstExtra+len(sockets) && from != tty {
				unix.Close(from)
			}
		}
	}
	return nil
}

func usesTTY(forms []string) bool {
	return slices.ContainsFunc(forms, func(f string) bool { return strings.HasPrefix(f, "tty") })
}

// open gives the descriptor of a form of StandardInput=, StandardOutput= or
// StandardError=, or -1 when fd is right as PID 1 has made it.
func open(fd int, form string, p *plan.Process, sockets []string, tty int) (int, error) {
	kind, arg, _ := strings.Cut(form, ":")
	switch kind {
	case "tty", "tty-force", "tty-fail":
		return tty, nil
	case "", "inherit":
		switch {
		case fd == 1 && (strings.HasPrefix(p.Input, "tty") || p.Input == "socket" || strings.HasPrefix(p.Input, "fd")):
			return 0, nil
		case fd == 2 && opened(p.Output), fd == 2 && opened(p.Input) && (p.Output == "" || p.Output == "inherit"):
			return 1, nil
		}
	case "data":
		return dataFile(p.InputData)
	case "socket", "fd":
		if kind == "fd" && arg == "" {
			arg = [3]string{"stdin", "stdout", "stderr"}[fd]
		}
		i := slices.Index(sockets, arg)
		if kind == "socket" && len(sockets) == 1 {
			i = 0
		}
		if i < 0 {
			return -1, fmt.Errorf("no socket for %q among %d (%s)", form, len(sockets), strings.Join(sockets, ", "))
		}
		return firstExtra + i, nil
	case "file", "append", "truncate":
		return openFile(fd, kind, arg)
	}
	return -1, nil
}

func openFile(fd int, kind, path string) (int, error) {
	flags := unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NOCTTY
	switch {
	case fd == 0:
		flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOCTTY
	case kind == "append":
		flags |= unix.O_APPEND
	case kind == "truncate":
		flags |= unix.O_TRUNC
	}
	f, err := unix.Open(path, flags, 0o644)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	return f, nil
}

// dataFile makes a sealed file of the text that a service reads.
func dataFile(data []byte) (int, error) {
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("input: %w", err)
	}
	if n, err := unix.Pwrite(fd, data, 0); err != nil || n != len(data) {
		return -1, fmt.Errorf("input: %d of %d bytes written: %v", n, len(data), err)
	}
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	return fd, nil
}
