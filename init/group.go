package main

import (
	"fmt"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	"clarityos/init/spawn"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

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

// slice is a group above a unit's, and the limits of its unit.
type slice struct {
	path     string
	settings []plan.Setting
}

// slicesOf lists the slices that a service's cgroup lies in, but for those that
// are always there.
func (p *pid1) slicesOf(svc *plan.Service) []slice {
	var out []slice
	for at := svc.Process.Slice; at != "" && at != "." && at != "system.slice" && at != "clarity.slice"; at = path.Dir(at) {
		s := slice{path: at}
		for i := range p.plan.Units {
			if u := &p.plan.Units[i]; u.Slice != nil && u.Name == path.Base(at) {
				s.settings = u.Slice.Cgroup
			}
		}
		out = append([]slice{s}, out...)
	}
	return out
}

// setGroup makes what a new group needs: the slices above it, its limits, its
// owner, and the group below it that the processes go to, if there is to be one.
func setGroup(g *cgroup.Group, p *plan.Process, slices []slice) (below *cgroup.Group, err error) {
	for _, s := range slices {
		if err := cgroup.MakeSlice(s.path, s.settings); err != nil {
			return nil, err
		}
	}
	if err := limitGroup(g, p.Cgroup); err != nil {
		return nil, err
	}
	if p.PressureWatch && p.UID > 0 {
		_ = os.Chown(cgroup.Root+"/"+g.Path+"/memory.pressure", p.UID, max(p.GID, 0)) // not there without PSI
	}
	if p.Delegate {
		if err := g.Delegate(p.UID, p.GID, p.DelegateTo); err != nil {
			return nil, err
		}
	}
	if p.DelegateGroup != "" {
		return g.Below(p.DelegateGroup, p.UID, p.GID)
	}
	return nil, nil
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

// watch follows cgroup.events of a unit's group once a process is in it, so that
// its coming does not wake the loop.
func (p *pid1) watch(r *resource) {
	if r.cgroup == nil || r.watch >= 0 {
		return
	}
	wd, err := unix.InotifyAddWatch(p.inotify, r.cgroup.Events(), unix.IN_MODIFY)
	if err != nil {
		p.try(fmt.Errorf("watch %s: %w", r.cgroup.Events(), err))
		return
	}
	r.watch = wd
	p.watches[wd] = r
	p.watchMemory(r)
}

// watchMemory follows the kernel's count of what the lack of memory did to a
// group. Until the memory controller is on there is none.
func (p *pid1) watchMemory(r *resource) {
	if r.cgroup == nil || r.oomWatch >= 0 {
		return
	}
	wd, err := unix.InotifyAddWatch(p.inotify, r.cgroup.MemoryEvents(), unix.IN_MODIFY)
	if err != nil {
		return
	}
	r.oomWatch, r.oomKills = wd, r.cgroup.OOMKills()
	p.watches[wd] = r
}

// lookAtMemory tells when the kernel has killed a process of a unit for want of
// memory.
func (p *pid1) lookAtMemory(r *resource) {
	if r.oomWatch < 0 {
		return
	}
	if n := r.cgroup.OOMKills(); n > r.oomKills {
		r.oomKills = n
		p.fold(supervisor.OOMKilled{Unit: r.unit.Name})
	}
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
	if r == nil || r.cgroup == nil {
		return
	}
	if p.lookAtMemory(r); r.cgroup == nil || r.cgroup.Populated() {
		return
	}
	if token, pid := r.main(p.table); pid > 0 && unix.Kill(pid, 0) == unix.ESRCH {
		p.table.Ended(pid, spawn.Status{})
		p.exited(r, token, spawn.Status{})
	}
	p.fold(supervisor.Emptied{Unit: r.unit.Name})
}

// renewGroup has the next process of a unit born in another cgroup after cgroup.kill
// was written to this one: Linux 7.2 kills what clone3 makes in such a group, then
// and later. Its name stays where nothing is left in the old one.
func (p *pid1) renewGroup(r *resource) {
	if r.killed = false; r.cgroup == nil {
		return
	}
	if !r.cgroup.Populated() {
		p.dropGroup(r, true)
		return
	}
	p.left = append(p.left, r.cgroup.Path)
	p.leaveGroup(r)
}

// leaveGroup lets go of a unit's cgroup with what is in it: the next one has
// another name.
func (p *pid1) leaveGroup(r *resource) {
	p.dropGroup(r, false)
	r.mu.Lock()
	r.fresh++
	r.mu.Unlock()
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
	if r.oomWatch >= 0 {
		_, _ = unix.InotifyRmWatch(p.inotify, uint32(r.oomWatch))
		delete(p.watches, r.oomWatch)
		r.oomWatch, r.oomKills = -1, 0
	}
	r.mu.Lock()
	r.group = nil
	if r.below != nil {
		unix.Close(r.below.FD)
		r.below = nil
	}
	r.mu.Unlock()
	if remove {
		_ = r.cgroup.Remove()
	} else {
		unix.Close(r.cgroup.FD)
	}
	r.cgroup = nil
}
