// Command gofloor is not an init: it is c/floor.c in Go, with each service born
// in a cgroup of its own. It starts every line of /etc/floor at once, starts
// again what ends, reaps everything and powers off on SIGTERM. Its figures are
// what Go costs a PID 1 that does nothing else.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// service is a line of the table.
type service struct {
	command []string
	cgroup  int // its folder, opened
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gofloor:", err)
		os.Exit(1) // the kernel panics, which the harness sees
	}
}

func run() error {
	debug.SetGCPercent(50)
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"cgroup2", "/sys/fs/cgroup"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil && err != unix.EBUSY { // the kernel may have mounted /dev
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM)
	go func() {
		<-stop
		powerOff()
	}()

	table, err := os.ReadFile("/etc/floor")
	if err != nil {
		return err
	}
	running := map[int]*service{}
	for line := range strings.Lines(string(table)) {
		s := &service{command: strings.Fields(line)}
		if s.cgroup, err = makeCgroup(s.command[1]); err != nil {
			return err
		}
		if err := s.start(running); err != nil {
			return err
		}
	}
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if s, ok := running[pid]; ok {
			delete(running, pid)
			if err := s.start(running); err != nil {
				return err
			}
		}
	}
}

func makeCgroup(name string) (int, error) {
	dir := "/sys/fs/cgroup/" + name
	if err := unix.Mkdir(dir, 0o755); err != nil {
		return -1, fmt.Errorf("make %s: %w", dir, err)
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", dir, err)
	}
	return fd, nil
}

func (s *service) start(running map[int]*service) error {
	pid, err := syscall.ForkExec(s.command[0], s.command, &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: s.cgroup},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", s.command[1], err)
	}
	running[pid] = s
	return nil
}

// powerOff ends every process and the machine.
func powerOff() {
	_ = unix.Kill(-1, unix.SIGTERM) // whether any is left does not matter
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
