package main

import (
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/spawn"
	"clarityos/services/supervisor"
)

// reapMost is how many ends one turn of the loop takes, so that thousands of
// orphans do not hold up the rest.
const reapMost = 256

// reap collects ended processes, PID 1's own and those of anybody. What pools
// have posted comes first: a process is known before its end is told.
func (p *pid1) reap() {
	for range cap(p.posts) {
		select {
		case f := <-p.posts:
			f()
			continue
		default:
		}
		break
	}
	for n := 0; ; n++ {
		if n == reapMost {
			select {
			case p.children <- unix.SIGCHLD: // the rest at the next turn
			default:
			}
			return
		}
		var ws unix.WaitStatus
		var used unix.Rusage
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, &used)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		st := spawn.Status{Code: ws.ExitStatus(), Core: ws.Signaled() && ws.CoreDump()}
		if ws.Signaled() {
			st.Signal = int(ws.Signal())
		}
		token, ok := p.table.Ended(pid, st)
		if !ok {
			continue // an orphan, or the child of a fork that has not returned yet
		}
		if f := p.own[token]; f != nil {
			delete(p.own, token)
			f(st)
			continue
		}
		r := p.units[p.sup.Holder(supervisor.Token(token))]
		if r != nil && r.mainToken == supervisor.Token(token) {
			r.endedCPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
		p.exited(r, supervisor.Token(token), st)
	}
}

// exited folds the end of a process, after all that it said before.
func (p *pid1) exited(r *resource, token supervisor.Token, st spawn.Status) {
	p.readReport(token)
	populated := false
	if r != nil {
		p.drainNotify(r)
		if r.mainToken == token {
			r.mainToken = 0
		}
		if r.cgroup != nil {
			p.lookAtMemory(r)
			populated = r.cgroup != nil && r.cgroup.Populated()
		}
	}
	p.fold(supervisor.Exited{Token: token, Code: st.Code, Signal: st.Signal, Core: st.Core, Populated: populated})
}
