package spawn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// favoured is the nice value of sessions that go before others: of one processor that
// two want, such a one has nine parts of ten (sched(7)).
const favoured = -10

// firstOfUsual is the I/O priority of what goes before others of the usual class, by
// disks' schedulers that know of it (ioprio_set(2)): class 2, level 0.
const firstOfUsual = 2 << 13

// oneProcess is whom an I/O priority is for: IOPRIO_WHO_PROCESS of
// include/uapi/linux/ioprio.h.
const oneProcess = 1

// Favour has a process that leads a session go before others at CPU and disk, as has
// what it starts, but for what its unit says of these. By sessions the kernel divides CPU
// time among those that no CPU controller divides it among, as it is while a machine
// boots (sched(7), "The autogroup feature"); a kernel that does not favours nobody.
func Favour(pid int, p *plan.Process) error {
	return errors.Join(share(pid, p, favoured), ioPriority(pid, p, firstOfUsual))
}

// Unfavour undoes it for a process, and its session.
func Unfavour(pid int, p *plan.Process) error {
	return errors.Join(share(pid, p, 0), ioPriority(pid, p, 0))
}

func share(pid int, p *plan.Process, nice int) error {
	if p.Nice != nil || p.CPUPolicy != nil {
		return nil
	}
	err := os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return fmt.Errorf("CPU time of process %d: %w", pid, err)
}

func ioPriority(pid int, p *plan.Process, priority int) error {
	if p.IOPriority != nil {
		return nil
	}
	if _, _, e := unix.RawSyscall(unix.SYS_IOPRIO_SET, oneProcess, uintptr(pid), uintptr(priority)); e != 0 && e != unix.ESRCH {
		return fmt.Errorf("I/O priority of process %d: %w", pid, e)
	}
	return nil
}
