package main

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/notify"
	"clarityos/services/supervisor"
)

// watchNotify takes over the notify socket of an invocation.
func (p *pid1) watchNotify(r *resource, fd int, path string) {
	p.closeNotify(r)
	r.notifyFD, r.notifyPath = fd, path
	p.try(p.reactor.Add(fd, unix.EPOLLIN, func(uint32) { p.drainNotify(r) }))
}

// drainNotify folds what the service has said so far. A main process that is not
// the unit's own is not believed: PID 1 would signal it in the unit's name.
func (p *pid1) drainNotify(r *resource) {
	if r.notifyFD < 0 {
		return
	}
	for _, m := range notify.Receive(r.notifyFD) {
		m.Unit, m.Invocation = r.unit.Name, r.invocation
		if m.ReloadedAt > 0 { // on a clock that stands still while the machine is suspended
			m.ReloadedAt += suspended()
		}
		if m.MainPID > 0 && (r.cgroup == nil || !r.cgroup.Holds(m.MainPID)) {
			m.MainPID = 0
		}
		p.fold(m)
	}
}

// watchReady follows the notification descriptor of a service, as s6 has it: a
// newline means that it is ready.
func (p *pid1) watchReady(r *resource, fd int) {
	p.closeReady(r)
	r.readyFD = fd
	p.try(p.reactor.Add(fd, unix.EPOLLIN, func(uint32) {
		var b [64]byte
		n, err := unix.Read(fd, b[:])
		if n > 0 && bytes.IndexByte(b[:n], '\n') >= 0 {
			p.fold(supervisor.Notified{Unit: r.unit.Name, Invocation: r.invocation, Trusted: true, Ready: true})
		}
		if n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR {
			p.closeReady(r)
		}
	}))
}

func (p *pid1) closeReady(r *resource) {
	if r.readyFD >= 0 {
		p.reactor.Remove(r.readyFD)
		unix.Close(r.readyFD)
		r.readyFD = -1
	}
}

func (p *pid1) closeNotify(r *resource) {
	if r.notifyFD >= 0 {
		p.reactor.Remove(r.notifyFD)
		unix.Close(r.notifyFD)
		_ = os.Remove(r.notifyPath)
		r.notifyFD = -1
	}
}

// suspended is how long the machine was, since it booted.
func suspended() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return max(now()-time.Duration(ts.Nano()), 0)
}
