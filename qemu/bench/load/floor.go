package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/qemu/bench/workload"
)

// floorSocket is the floor's NOTIFY_SOCKET.
const floorSocket = "@clarity-bench-floor"

// powerOffSignal has the floor turn the power off.
const powerOffSignal = unix.SIGUSR2

// floor is the least that a PID 1 does: it starts the probe, then the services,
// all at once or each when the one that it needs is ready, and restarts those
// that end.
func floor(shape workload.Shape) error {
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, unix.SIGCHLD, powerOffSignal)
	socket, err := listen(floorSocket)
	if err != nil {
		return err
	}
	ready := make(chan struct{})
	go func() {
		buf := make([]byte, 256)
		for {
			if n, _, err := unix.Recvfrom(socket, buf, 0); err == nil && n > 0 {
				ready <- struct{}{}
			}
		}
	}()

	running := map[int]string{} // services by pid
	if _, err := launch("probe", shape.Name, workload.Load, "poweroff"); err != nil {
		return err
	}
	waiting := shape.Services()
	for {
		select {
		case <-ready:
			for len(waiting) > 0 {
				name := waiting[len(waiting)-1] // a chain begins at its end
				waiting = waiting[:len(waiting)-1]
				if err := launchService(running, name, shape); err != nil {
					return err
				}
				if shape.Chain {
					break
				}
			}
		case s := <-signals:
			if s == powerOffSignal {
				return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
			}
			for _, name := range reap(running) {
				if err := launchService(running, name, shape); err != nil {
					return err
				}
			}
		}
	}
}

// reap collects the dead and returns the services among them.
func reap(running map[int]string) (ended []string) {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return ended
		}
		if name, ok := running[pid]; ok {
			delete(running, pid)
			ended = append(ended, name)
		}
	}
}

func launchService(running map[int]string, name string, shape workload.Shape) error {
	pid, err := launch("serve", name, shape.Work.String())
	running[pid] = name
	return err
}

// launch starts this program with other arguments.
func launch(args ...string) (pid int, err error) {
	pid, err = syscall.ForkExec(workload.Load, append([]string{workload.Load}, args...), &syscall.ProcAttr{
		Env:   append(os.Environ(), workload.Environment, "NOTIFY_SOCKET="+floorSocket),
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, fmt.Errorf("start %v: %w", args, err)
	}
	return pid, nil
}
