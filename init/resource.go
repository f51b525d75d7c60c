package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
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
	mainToken  supervisor.Token
	startedCPU time.Duration // used when it was up
	ended      bool          // its invocation is over; sweep removes what need not stay

	mu       sync.Mutex
	group    *cgroup.Group
	fresh    int // number of the cgroup, after earlier ones that would not die
	prepared uint64
	id       string // of the prepared invocation, in hex
	notify   string
	logWrite int
	live     []plan.Setting // set while it runs, see setProperty
}

func (p *pid1) resource(u *plan.Unit) *resource {
	r := p.units[u.Name]
	if r == nil {
		r = &resource{watch: -1, notifyFD: -1, logWrite: -1}
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

// groupPath needs mu.
func (r *resource) groupPath(u *plan.Unit) string {
	slice := u.Service.Process.Slice
	if slice == "" {
		slice = "system.slice"
	}
	name := slice + "/" + u.Name
	if r.fresh > 0 {
		name += "~" + strconv.Itoa(r.fresh)
	}
	return name
}

// prepare makes what the invocation needs and does not have yet. It runs in a
// pool, and tells the loop once mu is free: the loop takes it too.
func (p *pid1) prepare(r *resource, a supervisor.Spawn) error {
	var tell []func()
	defer func() {
		for _, f := range tell {
			p.post(f)
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
		if err := limitGroup(g, slices.Concat(svc.Process.Cgroup, r.live)); err != nil {
			_ = g.Remove()
			return err
		}
		r.group = g
		tell = append(tell, func() { p.watch(r, g) })
	}
	if r.prepared == a.Invocation {
		return nil
	}
	r.prepared, r.notify, r.logWrite = a.Invocation, "", -1
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
	if p.logs != nil && (toLog(svc.Process.Output) || svc.Process.Error == "journal") {
		read, write, err := logs.NewPipe(svc.Process.UID, svc.Process.GID)
		if err != nil {
			return err
		}
		r.logWrite = write
		s := &logs.Stream{ID: r.id, Unit: a.Unit.Name, Invocation: r.id, Identifier: svc.Process.Log.Identifier}
		tell = append(tell, func() { r.streamID = s.ID; p.logs.Add(s, read, write) })
	}
	return spawn.MakeDirectories(&svc.Process, "runtime")
}

// limitGroup writes what the unit asks for. A controller is switched on only
// when one asks for it, since each makes every group dearer.
func limitGroup(g *cgroup.Group, settings []plan.Setting) error {
	for _, s := range settings {
		if err := g.Set(s.File, s.Value); err != nil {
			return fmt.Errorf("limit %s: %w", s.File, err)
		}
	}
	return nil
}

// toLog says whether StandardOutput= means the log, as nothing said does.
func toLog(output string) bool { return output == "" || output == "journal" || output == "inherit" }

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
	fd, err := unix.FcntlInt(uintptr(r.group.FD), unix.F_DUPFD_CLOEXEC, 3)
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
	case kind == "kmsg":
		return p.kmsg
	}
	return -1 // null, or the stub's to open
}

// watch follows cgroup.events of a unit's group.
func (p *pid1) watch(r *resource, g *cgroup.Group) {
	r.cgroup = g
	wd, err := unix.InotifyAddWatch(p.inotify, g.Events(), unix.IN_MODIFY)
	if err != nil {
		p.try(fmt.Errorf("watch %s: %w", g.Events(), err))
		return
	}
	r.watch = wd
	p.watches[wd] = r
}

// watchCgroups opens the one inotify descriptor for all groups.
func (p *pid1) watchCgroups() {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		err = p.reactor.Add(fd, unix.EPOLLIN, func(uint32) { p.groupsChanged() })
	}
	p.inotify = fd
	p.try(err)
}

func (p *pid1) groupsChanged() {
	var b [4096]byte
	n, err := unix.Read(p.inotify, b[:])
	if err != nil {
		return
	}
	for i := 0; i+unix.SizeofInotifyEvent <= n; {
		wd, size := int(int32(native.Uint32(b[i:]))), int(native.Uint32(b[i+12:]))
		i += unix.SizeofInotifyEvent + size
		if wd >= 0 {
			p.lookAt(p.watches[wd])
			continue
		}
		for _, r := range p.watches { // IN_Q_OVERFLOW: some were dropped
			p.lookAt(r)
		}
	}
}

// lookAt tells when a unit's cgroup has become empty. A main process that its
// own parent has reaped is known to be gone by that alone.
func (p *pid1) lookAt(r *resource) {
	if r == nil || r.cgroup == nil || r.cgroup.Populated() {
		return
	}
	if token, pid := r.main(p.table); pid > 0 && unix.Kill(pid, 0) == unix.ESRCH {
		p.table.Ended(pid, spawn.Status{})
		p.exited(r, token, spawn.Status{})
	}
	p.fold(supervisor.Emptied{Unit: r.unit.Name})
}

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
		if m.MainPID > 0 && (r.cgroup == nil || !r.cgroup.Holds(m.MainPID)) {
			m.MainPID = 0
		}
		p.fold(m)
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

// end releases what belonged to an invocation. The runtime directories are
// moved away at once, so that the next start finds none, and removed in a pool.
func (p *pid1) end(a supervisor.End) {
	r := p.units[a.Unit.Name]
	if r == nil {
		return
	}
	p.drainNotify(r)
	p.closeNotify(r)
	if r.streamID != "" {
		p.logs.EndStream(r.streamID)
		r.streamID = ""
	}
	r.ended, r.mainToken = true, 0
	p.ended = append(p.ended, r)
	if svc := a.Unit.Service; svc != nil && svc.Process.KeepRuntimeDir == "" {
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
		p.dropGroup(r, false)
		r.mu.Lock()
		r.fresh++
		r.mu.Unlock()
	}
}

// dropGroup lets go of a unit's cgroup, and removes it unless it is left behind
// with what does not die in it.
func (p *pid1) dropGroup(r *resource, remove bool) {
	if r.cgroup == nil || remove && r.cgroup.Populated() {
		return // KillMode=process leaves some processes; the next start joins them
	}
	if r.watch >= 0 {
		_, _ = unix.InotifyRmWatch(p.inotify, uint32(r.watch)) // the kernel removes it too when the file goes
		delete(p.watches, r.watch)
		r.watch = -1
	}
	r.mu.Lock()
	r.group = nil
	r.mu.Unlock()
	if remove {
		_ = r.cgroup.Remove()
	} else {
		unix.Close(r.cgroup.FD)
	}
	r.cgroup = nil
}

// sweep removes the cgroups of units that have come to rest.
func (p *pid1) sweep() {
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
