package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"clarityos/init/spawn"
	"clarityos/services/plan"
)

// firstOwn is where the tokens of PID 1's own children begin; the supervisor
// counts up from 1 and never gets there.
const firstOwn = 1 << 63

// run starts a child of PID 1's own, which is no unit. ended is called by the
// loop: with how it ended, or why it could not be started.
func (p *pid1) run(spec *spawn.Spec, ended func(spawn.Status, error)) {
	p.lastOwn++
	token := firstOwn + p.lastOwn
	if spec.Process.Directory == "" {
		spec.Process.Directory = "/root"
		spec.Process.DirectoryOpt = true
	}
	p.forks.Add(func() {
		c, err := spawn.Fork(p.table, spec, spawn.Files{In: -1, Out: p.kmsg, Err: p.kmsg, CgroupFD: -1}, p.devNull)
		p.post(func() {
			if err != nil {
				ended(spawn.Status{}, err)
				return
			}
			f := func(st spawn.Status) {
				_, step, message := spawn.ReadReport(c.Report)
				unix.Close(c.Report)
				if step != "" {
					ended(st, errors.New(step+": "+message))
					return
				}
				ended(st, nil)
			}
			if st, over := p.table.Forked(c.PID, token); over {
				f(st)
				return
			}
			p.own[token] = f
		})
	})
}

// newPlan is where a child writes the plan that it compiles on the target.
const newPlan = "/run/clarity/plan"

// recompile has a child compile the units of the running root anew, with more
// instances of templates than it has so far, and goes over to the plan when it
// holds. Text is the child's to parse. One does so at a time, since each begins
// with what the plan before it has.
func (p *pid1) recompile(more []string, done func(error)) {
	if p.compiling {
		p.compiles = append(p.compiles, func() { p.recompile(more, done) })
		return
	}
	p.compiling = true
	_ = os.Remove(newPlan)
	argv := append([]string{"clarityd", "compile", newPlan}, p.plan.Instances...)
	p.run(&spawn.Spec{
		Command: plan.Command{Path: "/usr/lib/clarity/clarityd", Argv: append(argv, more...)},
		Process: plan.Process{UID: -1, GID: -1, Umask: -1},
	}, func(st spawn.Status, err error) {
		defer p.compiled() // after a panic too
		if err == nil && (st.Code != 0 || st.Signal != 0) {
			err = fmt.Errorf("the compiler ended with status %d, signal %d; what it said is in the kernel log", st.Code, st.Signal)
		}
		if err == nil {
			err = p.usePlan(newPlan)
		}
		if err == nil {
			p.asks.Add(debug.FreeOSMemory) // of the old plan
		} else {
			err = fmt.Errorf("%w; the plan in use stays", err)
		}
		done(err)
	})
}

// compiled lets the next compilation begin.
func (p *pid1) compiled() {
	p.compiling = false
	if len(p.compiles) > 0 {
		next := p.compiles[0]
		p.compiles = p.compiles[1:]
		next()
	}
}
