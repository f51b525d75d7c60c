package main

import (
	"fmt"
	"sync"
	"time"

	"clarityos/init/spawn"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// Waits before a boot that failed is tried again where nobody can rescue it.
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// The rescue shell waits for the report before it, and that for the log to have
// what the units said that failed; neither for longer than this.
const (
	reportLimit = 20 * time.Second
	storedLimit = 5 * time.Second
)

// rescue is for a boot that cannot go on. Images that allow it get a shell on
// the console that says why; the others try again, less and less often.
func (p *pid1) rescue(why string) {
	if p.halting || p.rescuing {
		return
	}
	p.note("the boot cannot go on: " + why)
	if !p.plan.System.Rescue {
		p.retry = min(max(2*p.retry, firstRetry), lastRetry)
		p.say(supervisor.PriorityError, fmt.Sprintf("this image allows no rescue shell; the boot is tried again in %v", p.retry))
		p.after(p.retry, func() {
			if len(p.plan.Units) == 0 {
				p.fold(supervisor.Shutdown{Kind: supervisor.Reboot})
				return
			}
			p.fold(supervisor.Boot{})
		})
		return
	}
	p.rescuing = true
	p.console.line("")
	p.console.line("The boot cannot go on: " + why)
	// The shell comes after the report, and without it if that takes too long.
	open := sync.OnceFunc(p.rescueShell)
	report := sync.OnceFunc(func() {
		p.run(onConsole("/usr/bin/clarityctl", "clarityctl", "--no-pager", "rescue-report"), func(spawn.Status, error) { open() })
	})
	if p.logs == nil {
		report()
	} else {
		p.logs.Stored(report)
	}
	p.after(storedLimit, report)
	p.after(reportLimit, open)
}

// rescueShell gives a shell on the console, whose end restarts the machine.
func (p *pid1) rescueShell() {
	p.run(onConsole("/bin/sh", "-sh"), func(st spawn.Status, err error) {
		if err != nil {
			p.say(supervisor.PriorityError, fmt.Sprintf("no rescue shell: %v; restarting in %v", err, firstRetry))
			p.after(firstRetry, func() { p.fold(supervisor.Shutdown{Kind: supervisor.Reboot}) })
			return
		}
		p.fold(supervisor.Shutdown{Kind: supervisor.Reboot})
	})
}

// onConsole is a program that talks to a person on the console.
func onConsole(path string, argv ...string) *spawn.Spec {
	return &spawn.Spec{Command: plan.Command{Path: path, Argv: argv},
		Process: plan.Process{UID: -1, GID: -1, Umask: -1, Input: "tty-force", Environment: []string{"HOME=/root", "TERM=linux", "PS1=rescue# "}}}
}

// after hands f to the loop when d has passed.
func (p *pid1) after(d time.Duration, f func()) {
	p.delayed = append(p.delayed, delayed{now() + d, f})
}

// delayed is something for a later turn of the loop; the heartbeat looks.
type delayed struct {
	at time.Duration
	do func()
}

func (p *pid1) runDelayed() {
	var due []func()
	rest := p.delayed[:0]
	for _, d := range p.delayed {
		if d.at <= now() {
			due = append(due, d.do)
		} else {
			rest = append(rest, d)
		}
	}
	p.delayed = rest
	for _, f := range due {
		f()
	}
}
