package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	server "clarityos/init/control"
	"clarityos/init/guard"
	"clarityos/init/logs"
	"clarityos/init/pool"
	"clarityos/init/reactor"
	"clarityos/init/signals"
	"clarityos/init/spawn"
	"clarityos/init/stage"
	"clarityos/init/watchdog"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
	"clarityos/services/varlink"
)

// pid1 is everything PID 1 knows. It belongs to the loop.
type pid1 struct {
	plan     *plan.Plan
	planFile string
	sup      *supervisor.Supervisor
	table    *spawn.Table
	forks    *pool.Pool // makes processes
	asks     *pool.Pool // looks at files that may hang
	reactor  *reactor.Reactor
	logs     *logs.Log // nil without a log component
	server   *server.Server
	watchdog *watchdog.Watchdog

	units     map[string]*resource
	watches   map[int]*resource // by inotify watch on cgroup.events
	inotify   int
	reports   map[supervisor.Token]int // pipes of stubs that have not executed yet
	clients   map[uint64]*server.Conn  // who waits for a job
	waiting   []*server.Conn           // who waits for the boot
	measuring []*server.Conn           // who waits for the usage of all units
	history   history
	compiling bool     // a child compiles units
	compiles  []func() // those that wait for it; as many as root has calls under way
	lastConn  uint64

	posts    chan func() // from pools to the loop
	signals  chan os.Signal
	children chan os.Signal
	timer    *time.Timer
	beat     *time.Ticker

	console   *console
	quiet     bool
	devNull   int
	kmsg      int
	kernelLog *os.File
	executed  time.Duration // when PID 1's program began
	notes     []string      // what it has to do without
	retry     time.Duration // until the next attempt at a boot that failed
	halting   bool
	logMoved  bool
	logRead   time.Duration // when a log component was last seen at work
	rescuing  bool
	ended     []*resource // whose invocations ended in this fold
	left      []string    // cgroups with processes that were killed, to be removed once they are gone
	delayed   []delayed
	own       map[uint64]func(spawn.Status) // PID 1's own children, by token: what to do at their end
	lastOwn   uint64
}

// heartbeat is how often the loop pets the watchdog and drains unread logs.
const heartbeat = 2 * time.Second

// drainAfter is how long there has to be no log component, or only such as end
// at once, before full pipes are emptied.
const drainAfter = 10 * time.Second

// now is CLOCK_BOOTTIME, the clock of everything that PID 1 tells.
func now() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("clock_gettime: " + err.Error())
	}
	return time.Duration(ts.Nano())
}

// boot brings PID 1 up to the point where the first unit is about to start.
func boot() *pid1 {
	p := &pid1{
		table: spawn.NewTable(), units: map[string]*resource{}, watches: map[int]*resource{},
		reports: map[supervisor.Token]int{}, own: map[uint64]func(spawn.Status){}, clients: map[uint64]*server.Conn{},
		posts: make(chan func(), 256), signals: make(chan os.Signal, 16), children: make(chan os.Signal, 1),
		timer: time.NewTimer(time.Hour), beat: time.NewTicker(heartbeat), executed: now(),
	}
	p.logRead = p.executed
	notes, err := stage.Mount()
	coarse := stage.CoarseTimers()
	p.catchSignals()
	p.note(notes...)
	stage.StandardFiles()
	p.console = openConsole()
	if err != nil {
		p.say(supervisor.PriorityError, err.Error())
	}
	p.try(coarse)
	p.openKernelLog()
	line := stage.CommandLine()
	p.quiet = slices.Contains(line, "quiet") && !slices.Contains(line, supervisor.ExplainBoot)
	// Room for many descriptors; children inherit it, see README on limits.
	p.try(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 4096, Max: 524288}))
	p.devNull, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	p.try(err)
	p.reactor, err = reactor.New(p.panicked)
	if err != nil {
		panic(err) // without epoll there is no PID 1; panic=10 restarts the machine
	}
	p.try(cgroup.Setup())
	p.watchCgroups()
	p.forks, p.asks = pool.New("fork", 4, p.panicked), pool.New("ask", 2, p.panicked)
	p.watchdog = watchdog.New()
	p.loadPlan()
	sys := &p.plan.System
	p.try(stage.Hostname(sys.Hostname))
	p.try(stage.Loopback())
	if set, err := stage.Clock(sys.Built); err != nil {
		p.try(err)
	} else if set {
		p.note("the clock was before the image was built and has been set to that time")
	}
	if slices.Contains(sys.Components, "log") {
		var errs []error
		p.logs, errs = logs.New(p.reactor)
		for _, err := range errs {
			p.try(err)
		}
	}
	p.server, err = server.Listen(p.reactor, control.Path, p.call)
	p.try(err)
	p.sup = supervisor.New(p.plan)
	p.fold(supervisor.Boot{})
	if t := sys.Trial; os.Getenv(stage.Trial) != "" {
		p.after(t.Within+t.For+judging, p.judged)
	}
	p.after(firstTell, func() {
		p.asks.Add(rest) // however long the boot takes, and for what its end has left
		p.tellBoot(firstTell)
	})
	return p
}

// catchSignals lets nothing that can be caught end PID 1: what it has no use
// for is received and dropped. SIGURG is left to the Go runtime, whose use of it
// does no harm, and so are the signals that the runtime drops by itself: to ask
// for one takes two switches of threads, before the first unit can start.
func (p *pid1) catchSignals() {
	signal.Notify(p.children, syscall.SIGCHLD)
	var rest []os.Signal
	for n := syscall.Signal(1); n < rtmin; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG:
		case syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGPROF, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGIO, syscall.SIGWINCH:
			// _SigNotify and nothing else in the runtime's sigtab_linux_generic.go,
			// as are the real-time signals.
		default:
			rest = append(rest, n)
		}
	}
	rest = append(rest, rtmin+3, rtmin+4, rtmin+5) // what signal acts on
	signal.Notify(p.signals, rest...)
	p.try(signals.Drop())
	// Ctrl-Alt-Del becomes SIGINT.
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) // EPERM in a pid namespace
}

// openKernelLog sends a crash of PID 1 to the kernel's log, so that the panic
// that follows carries it to the console and to pstore.
func (p *pid1) openKernelLog() {
	// No limit on lines from user space, unless the command line has settled it.
	_ = os.WriteFile("/proc/sys/kernel/printk_devkmsg", []byte("on\n"), 0)
	fd, err := unix.Open("/dev/kmsg", unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	p.try(err)
	p.kmsg = fd
	if err == nil {
		p.kernelLog = os.NewFile(uintptr(fd), "/dev/kmsg") // kept, since its end would close fd
		p.try(debug.SetCrashOutput(p.kernelLog, debug.CrashOptions{}))
	}
}

// turn is one step of the loop. A panic in it is reported; the event that led to
// it is lost, and the supervisor's state is made anew from what runs.
func (p *pid1) turn() {
	if guard.Try("loop", p.panicked, p.step) != nil {
		_ = guard.Try("rebuild", p.panicked, p.rebuild)
	}
}

func (p *pid1) step() {
	select {
	case <-p.children:
		p.reap()
	case f := <-p.posts:
		f()
	case batch := <-p.reactor.Ready():
		p.reactor.Dispatch(batch)
	case s := <-p.signals:
		p.signal(s)
	case <-p.timer.C:
		p.fold(supervisor.Tick{})
	case <-p.beat.C:
		p.heart()
	}
}

// judging is how much longer than it takes at most to judge a boot of a root slot may take.
const judging = 30 * time.Second

// judged restarts a machine whose root slot is on trial when what has to judge it is still
// there, and so hangs or cannot run: the slot's tries are counted.
func (p *pid1) judged() {
	const gate = "clarity-slots.service"
	if v, _ := p.sup.View(gate); v.Active != "inactive" || v.Result != supervisor.Success {
		p.say(supervisor.PriorityError, fmt.Sprintf("this boot is on trial, and %s has not judged it in time (it is %s): restarting", gate, v.Active))
		p.fold(supervisor.Shutdown{Kind: supervisor.Reboot})
	}
}

func (p *pid1) heart() {
	p.watchdog.Pet()
	if p.logs != nil {
		switch v, _ := p.sup.View("clarity-log.service"); {
		case v.MainPID != 0 && now()-v.Since > heartbeat:
			p.logRead = now()
		case v.MainPID == 0 && now()-p.logRead > drainAfter:
			p.logs.Drain()
		}
		if v, _ := p.sup.View("clarity-setup.service"); v.Phase == supervisor.Finished && !p.logMoved {
			p.logMoved = true
			p.logs.Move("/var/log/clarity")
		}
	}
	p.runDelayed()
}

// post hands f to the loop; for pools.
func (p *pid1) post(f func()) { p.posts <- f }

// panicked is the Report of every goroutine.
func (p *pid1) panicked(name, trouble string) {
	text := fmt.Sprintf("<2>init: %s: %s", name, trouble)
	for len(text) > 0 && p.kmsg > 0 { // the kernel takes about 1000 bytes a line
		n := min(len(text), 900)
		_, _ = unix.Write(p.kmsg, []byte(text[:n]))
		text = text[n:]
	}
}

// rtmin is the first real-time signal of C libraries.
const rtmin = syscall.Signal(34)

// signal acts on the few signals that mean something to PID 1: those of
// busybox and sysvinit, and systemd's real-time ones.
func (p *pid1) signal(s os.Signal) {
	switch s {
	case syscall.SIGINT, syscall.SIGTERM, rtmin + 5:
		p.fold(supervisor.Shutdown{Kind: supervisor.Reboot})
	case syscall.SIGUSR2, syscall.SIGPWR, rtmin + 4:
		p.fold(supervisor.Shutdown{Kind: supervisor.PowerOff})
	case syscall.SIGUSR1, rtmin + 3:
		p.fold(supervisor.Shutdown{Kind: supervisor.JustHalt})
	}
}

// fold gives the supervisor an event and carries out what it decides.
func (p *pid1) fold(e supervisor.Event) {
	for _, a := range p.sup.Fold(now(), e) {
		p.perform(a)
	}
	p.sweep()
	p.answerWaiting()
	wait := time.Hour
	if next := p.sup.Next(); next > 0 {
		wait = max(next-now(), 0)
	}
	p.timer.Reset(wait)
}

// rebuild replaces the supervisor after a failed fold: what runs is adopted,
// everything else is down.
func (p *pid1) rebuild() {
	var alive []supervisor.Alive
	for name, r := range p.units {
		token, pid := r.main(p.table)
		switch {
		case pid > 0:
			alive = append(alive, supervisor.Alive{Unit: name, Token: token, PID: pid, Invocation: r.invocation})
		case r.unit.Socket != nil && r.sockets != nil, r.cgroup != nil && r.cgroup.Populated():
			alive = append(alive, supervisor.Alive{Unit: name, Invocation: r.invocation})
		}
	}
	p.sup = supervisor.Rebuild(p.plan, p.sup, alive, now())
	for id, c := range p.clients {
		delete(p.clients, id)
		c.Fail(control.ErrFailed, varlink.Fault{Message: "init had to discard its state after a panic; ask again"})
	}
	p.say(supervisor.PriorityError, "init had to discard its state after a panic and goes on with what runs; see the kernel log")
	p.fold(supervisor.Tick{})
}
