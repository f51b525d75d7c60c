package spawn

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// setLimits sets what a process hands on to its children: resource limits and
// how it is scheduled.
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
	if err := schedule(p); err != nil {
		return err
	}
	for file, value := range map[string]*int{"oom_score_adj": p.OOMScoreAdjust, "coredump_filter": p.CoredumpFilter} {
		if value == nil {
			continue
		}
		if err := os.WriteFile("/proc/self/"+file, fmt.Append(nil, *value), 0); err != nil {
			return err
		}
	}
	if p.TimerSlack > 0 {
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(p.TimerSlack), 0, 0, 0); err != nil {
			return fmt.Errorf("timer slack: %w", err)
		}
	}
	if p.IgnoreSIGPIPE {
		ignorePipe()
	}
	if p.Umask >= 0 {
		unix.Umask(p.Umask)
	}
	return nil
}

// ignorePipe is the one place where a signal is ignored on purpose: the stub is
// the child, and the program asked to inherit that.
func ignorePipe() {
	var act struct {
		handler, flags, restorer uintptr
		mask                     uint64
	}
	act.handler = 1 // SIG_IGN
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(syscall.SIGPIPE), uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
}

// schedule sets the CPU and I/O scheduling of this thread, which executes the
// program.
func schedule(p *plan.Process) error {
	if p.CPUPolicy != nil || p.ResetOnFork {
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Priority: uint32(p.CPUPriority)}
		if p.CPUPolicy != nil {
			attr.Policy = uint32(*p.CPUPolicy)
		}
		if p.Nice != nil {
			attr.Nice = int32(*p.Nice)
		}
		if p.ResetOnFork {
			attr.Flags |= unix.SCHED_FLAG_RESET_ON_FORK
		}
		if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
			return fmt.Errorf("CPU scheduling policy %d, priority %d: %w", attr.Policy, p.CPUPriority, err)
		}
	}
	if len(p.CPUAffinity) > 0 {
		var set unix.CPUSet
		for _, n := range p.CPUAffinity {
			set.Set(n)
		}
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("CPU affinity %v: %w", p.CPUAffinity, err)
		}
	}
	if p.IOPriority != nil {
		if _, _, e := unix.RawSyscall(unix.SYS_IOPRIO_SET, oneProcess, 0, uintptr(*p.IOPriority)); e != 0 {
			return fmt.Errorf("I/O priority %d of class %d: %w", *p.IOPriority&7, *p.IOPriority>>13, e)
		}
	}
	return nil
}
