package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/logs"
	"clarityos/services/supervisor"
)

// console is where PID 1 speaks to whoever looks. It never blocks: what the
// device does not take at once is lost, since the log has it too.
type console struct{ fd int }

func openConsole() *console {
	fd, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		fd = -1
	}
	return &console{fd}
}

func (c *console) line(text string) {
	if c != nil && c.fd >= 0 {
		_, _ = unix.Write(c.fd, []byte(text+"\r\n"))
	}
}

// say puts a line on the console, quiet or not from warnings up, and into the
// log.
func (p *pid1) say(priority int, message string) {
	p.record(supervisor.Record{Priority: priority, Message: message})
}

var marks = map[int]string{
	supervisor.PriorityError:   "\x1b[31mfailed\x1b[0m",
	supervisor.PriorityWarning: "\x1b[33mnotice\x1b[0m",
	supervisor.PriorityNotice:  "      ",
	supervisor.PriorityInfo:    "      ",
}

func (p *pid1) record(r supervisor.Record) {
	p.history.record(r)
	at := now()
	if !p.quiet || r.Priority <= supervisor.PriorityWarning {
		p.console.line(fmt.Sprintf("[%9.3f] %s %s", at.Seconds(), marks[r.Priority], r.Message))
	}
	if p.logs != nil {
		p.logs.Record(logs.Record{Unit: r.Unit, Priority: r.Priority, Message: r.Message,
			Monotonic: at.Microseconds(), Realtime: time.Now().UnixMicro()})
	}
}

// note keeps what PID 1 has to do without; status shows it.
func (p *pid1) note(lines ...string) {
	for _, l := range lines {
		if !slices.Contains(p.notes, l) {
			p.notes = append(p.notes, l)
		}
	}
}

// try notes an error that PID 1 can live with.
func (p *pid1) try(err error) {
	if err != nil {
		p.note(err.Error())
		p.console.line("init: " + err.Error())
	}
}
