package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	"clarityos/init/logs"
	"clarityos/init/notify"
	"clarityos/init/spawn"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// resource is what a unit holds in the kernel. Its cgroup outlives a restart;
// the log pipe and the notify socket belong to one invocation.
//
// prepare runs in a pool and sets the fields below mu; the loop learns of them
// by a post that comes before the process exists.
type resource struct {
	unit *plan.Unit

	// The loop's.
	cgroup     *cgroup.Group // nil: none
	watch      int           // inotify, -1: none
	invocation uint64
	notifyFD   int // -1: none
	notifyPath string
	streamID   string
	readyFD    int    // reads what the service writes to its notification descriptor, -1: none
	oomKills   uint64 // of the cgroup, as far as they are told
	oomWatch   int    // inotify on memory.events, -1: none
	sockets    []int  // a socket unit's descriptors
	watched    bool   // Incoming is to be told
	mainToken  supervisor.Token
	startedCPU time.Duration // used by the main process when the unit was up
	endedCPU   time.Duration // used by the last main process that has ended
	ended      bool          // its invocation is over; sweep removes what need not stay
	killed     bool          // cgroup.kill was written to its cgroup

	mu       sync.Mutex
	group    *cgroup.Group
	fresh    int // number of the cgroup, after earlier ones that would not die
	prepared uint64
	id       string // of the prepared invocation, in hex
	notify   string
	logWrite int
	live     []plan.Setting // set while it runs, see setProperty
	ready    int            // the writing end of the notification pipe, until the fork has it; -1: none
	below    *cgroup.Group  // DelegateSubgroup=, where the processes go
}

func (p *pid1) resource(u *plan.Unit) *resource {
	r := p.units[u.Name]
	if r == nil {
		r = &resource{watch: -1, oomWatch: -1, notifyFD: -1, readyFD: -1, logWrite: -1, ready: -1}
		p.units[u.Name] = r
	}
	r.unit = u
	return r
}

// main gives the unit's main process, pid 0 when it has none.
func (r *resource) main(t *spawn.Table) (supervisor.Token, int) {
	if r.mainToken == 0 {
		return 0, 0
	}
	return r.mainToken, t.PID(uint64(r.mainToken))
}

// prepare makes what the invocation needs and does not have yet. It runs in a
// pool, and tells the loop once mu is free: the loop takes it too.
func (p *pid1) prepare(r *resource, a supervisor.Spawn, slices []slice) error {
	var tell []func()
	defer func() {
		if len(tell) > 0 {
			p.post(func() { // all in one, since each wakes the loop
				for _, f := range tell {
					f()
				}
			})
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	svc := a.Unit.Service
	if r.group != nil {
		r.group.Thaw()
	} else {
		g, err := cgroup.Open(r.groupPath(a.Unit))
		if err != nil {
			return err
		}
		if r.below, err = setGroup(g, &svc.Process, slices); err == nil {
			err = limitGroup(g, r.live)
		}
		if err != nil {
			_ = g.Remove()
			return err
		}
		r.group = g
		tell = append(tell, func() { r.cgroup = g })
	}
	if r.prepared == a.Invocation {
		return nil
	}
	if r.ready >= 0 { // of a run whose main process was never made
		unix.Close(r.ready)
	}
	r.prepared, r.notify, r.logWrite, r.ready = a.Invocation, "", -1, -1
	r.id = invocationID()
	if svc.NotifyAccess != "" && svc.NotifyAccess != "none" {
		path := "/run/clarity/notify/" + r.id
		fd, err := notify.Listen(path)
		if err != nil {
			return err
		}
		r.notify = path
		tell = append(tell, func() { p.watchNotify(r, fd, path) })
	}
	if p.logs != nil && (toLog(svc.Process.Output) || svc.Process.Error != "" && toLog(svc.Process.Error)) {
		read, write, err := logs.NewPipe(svc.Process.UID, svc.Process.GID)
		if err != nil {
			return err
		}
		r.logWrite = write
		s := stream(a.Unit, r.id)
		tell = append(tell, func() { r.streamID = s.ID; p.logs.Add(s, read, write) })
	}
	if svc.NotificationFD != 0 {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return fmt.Errorf("notification pipe: %w", err)
		}
		r.ready = pipe[1]
		tell = append(tell, func() { p.watchReady(r, pipe[0]) })
	}
	return spawn.MakeDirectories(&svc.Process, "runtime")
}

// stream is how the log is told of a run's output.
func stream(u *plan.Unit, id string) *logs.Stream {
	l := &u.Service.Process.Log
	s := &logs.Stream{ID: id, Unit: u.Name, Invocation: id, Identifier: l.Identifier,
		LevelMax: l.LevelMax, Level: l.Level, NoPrefix: l.NoPrefix, Fields: l.Fields}
	s.Console = u.Service.Process.Output == "journal+console"
	if l.RateInterval != nil {
		s.RateIntervalUS = l.RateInterval.Microseconds()
	}
	if l.RateBurst != nil {
		s.RateBurst = *l.RateBurst
	}
	if l.RateInterval != nil && *l.RateInterval == 0 || l.RateBurst != nil && *l.RateBurst == 0 {
		s.RateIntervalUS, s.RateBurst = -1, -1 // 0 switches the limit off
	}
	return s
}

// toLog says whether StandardOutput= means the log, as nothing said does.
func toLog(output string) bool {
	return output == "" || output == "journal" || output == "inherit" || output == "journal+console"
}

// invocationID draws 128 random bits, in hex, as systemd does.
func invocationID() string {
	var b [16]byte
	_, _ = unix.Getrandom(b[:], unix.GRND_INSECURE) // must not wait for entropy at boot
	return fmt.Sprintf("%x", b)
}

// files gives the descriptors of a process of a prepared invocation.
func (p *pid1) files(r *resource, svc *plan.Service) (spawn.Files, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.group == nil {
		return spawn.Files{}, errors.New("its cgroup was given up meanwhile")
	}
	// A descriptor of the fork's own: the loop may let go of the group's meanwhile.
	group := r.group
	if r.below != nil {
		group = r.below
	}
	fd, err := unix.FcntlInt(uintptr(group.FD), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return spawn.Files{}, fmt.Errorf("hold the cgroup: %w", err)
	}
	f := spawn.Files{In: -1, CgroupFD: fd}
	f.Out = p.output(svc.Process.Output, r.logWrite)
	switch svc.Process.Error {
	case "", "inherit":
		f.Err = f.Out
	default:
		f.Err = p.output(svc.Process.Error, r.logWrite)
	}
	return f, nil
}

// connectLog readies the log for a component that is about to start. It runs in
// a pool and asks the loop; it must not hold a resource's lock.
func (p *pid1) connectLog() int {
	fd := make(chan int, 1)
	p.post(func() {
		defer close(fd) // a panic must not leave the pool waiting
		fd <- p.logs.Connect()
	})
	return <-fd
}

func (p *pid1) output(kind string, logWrite int) int {
	switch {
	case toLog(kind):
		return logWrite
	case kind == "kmsg" || kind == "kmsg+console": // the kernel's log goes to the console
		return p.kmsg
	}
	return -1 // null, or the stub's to open
}

// end releases what belonged to an invocation. The runtime directories are
// moved away at once, so that the next start finds none, and removed in a pool.
func (p *pid1) end(a supervisor.End) {
	r := p.units[a.Unit.Name]
	if r == nil {
		return
	}
	p.drainNotify(r)
	p.closeNotify(r)
	p.closeReady(r)
	if r.streamID != "" {
		p.logs.EndStream(r.streamID)
		r.streamID = ""
	}
	r.ended, r.mainToken = true, 0
	p.ended = append(p.ended, r)
	if svc := a.Unit.Service; svc != nil && !(svc.Process.KeepRuntimeDir == "yes" || svc.Process.KeepRuntimeDir == "restart" && a.Again) {
		for i, d := range svc.Process.Directories {
			if d.Kind != "runtime" {
				continue
			}
			trash := fmt.Sprintf("/run/clarity/trash-%d-%d", a.Invocation, i)
			if os.Rename(d.Path, trash) == nil {
				p.asks.Add(func() { _ = os.RemoveAll(trash) })
			}
		}
	}
	if a.Abandoned {
		p.leaveGroup(r)
	}
}

// sweep removes the cgroups of units that have come to rest and those that were
// left for others, unless the machine is about to do so.
func (p *pid1) sweep() {
	if p.sup.Halting() {
		return
	}
	p.left = slices.DeleteFunc(p.left, cgroup.Removed)
	for _, r := range p.ended {
		if !r.ended {
			continue
		}
		r.ended = false
		if v, ok := p.sup.View(r.unit.Name); !ok || v.Phase == supervisor.Dead || v.Phase == supervisor.Failed {
			p.dropGroup(r, true)
		}
	}
	p.ended = p.ended[:0]
}
