package main

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/cgroup"
	server "clarityos/init/control"
	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// usage reads what a unit's cgroup has used; for a pool.
func usage(unit, group string) control.Usage {
	peak, _ := cgroup.Figure(group, "memory.peak")
	swap, _ := cgroup.Figure(group, "memory.swap.current")
	io := cgroup.ReadIO(group)
	return control.Usage{
		Unit: unit, Cgroup: group,
		Memory: cgroup.Memory(group), MemoryPeak: peak, Swap: swap, Tasks: cgroup.Tasks(group), CPU: cpuTime(group),
		Read: io.Read, Written: io.Written, Reads: io.Reads, Writes: io.Writes,
		OOMKills: cgroup.Keyed(group, "memory.events", "oom_kill"),
	}
}

func cpuTime(group string) time.Duration {
	return time.Duration(cgroup.Keyed(group, "cpu.stat", "usage_usec")) * time.Microsecond
}

// show answers with all that there is to know about a unit.
func (p *pid1) show(c *server.Conn, unit string) {
	r := control.ShowReply{Now: now(), Unit: p.sup.Unit(unit)}
	if r.Unit == nil {
		c.Fail(control.ErrNoSuchUnit, control.Fault{Unit: unit})
		return
	}
	r.View, _ = p.sup.View(unit)
	res := p.units[unit]
	if res == nil {
		c.Reply(r)
		return
	}
	r.Live = res.liveSettings()
	if res.cgroup == nil {
		c.Reply(r)
		return
	}
	group := res.cgroup.Path
	p.asks.Add(func() {
		u := usage(unit, group)
		p.post(func() {
			r.Usage = &u
			c.Reply(r)
		})
	})
}

// showUsage answers with what all units use. Whoever asks while it is read is
// given the same answer, so that it is read by one worker at most.
func (p *pid1) showUsage(c *server.Conn) {
	p.measuring = append(p.measuring, c)
	if len(p.measuring) > 1 {
		return
	}
	groups := map[string]string{}
	for name, r := range p.units {
		if r.cgroup != nil {
			groups[name] = r.cgroup.Path
		}
	}
	p.asks.Add(func() {
		r := control.UsageReply{At: now(), Units: []control.Usage{}}
		defer p.post(func() { // after a panic too, or nobody would be answered any more
			all := p.measuring
			p.measuring = nil
			for _, c := range all {
				c.Reply(r)
			}
		})
		for name, group := range groups {
			r.Units = append(r.Units, usage(name, group))
		}
		slices.SortFunc(r.Units, func(a, b control.Usage) int { return cmp.Compare(a.Unit, b.Unit) })
	})
}

func (p *pid1) relations(c *server.Conn) {
	r := control.RelationsReply{Units: make([]control.UnitRelations, len(p.plan.Units))}
	for i := range p.plan.Units {
		r.Units[i] = control.UnitRelations{Name: p.plan.Units[i].Name, Relations: p.plan.Units[i].Relations}
	}
	c.Reply(r)
}

// startedCPU gives the CPU time that the main process of each unit had used when
// the unit was up.
func (p *pid1) startedCPU() map[string]time.Duration {
	used := map[string]time.Duration{}
	for name, r := range p.units {
		if r.startedCPU > 0 {
			used[name] = r.startedCPU
		}
	}
	return used
}

// changed notes what a unit has used until it is up.
func (p *pid1) changed(a supervisor.Changed) {
	p.history.changed(a)
	if r := p.units[a.Unit]; r != nil && r.cgroup != nil && a.From != supervisor.Reloading &&
		(a.To == supervisor.Running || a.To == supervisor.Finished) {
		r.startedCPU = p.mainCPU(r)
	}
}

// mainCPU is what a unit's main process has used. A look at the cgroup's cpu.stat
// would count its children too, but has the kernel sum up all cgroups, which
// cost half of PID 1's time while services start.
func (p *pid1) mainCPU(r *resource) time.Duration {
	_, pid := r.main(p.table)
	if pid == 0 {
		return r.endedCPU
	}
	clock := int32(^pid<<3 | 2) // CPUCLOCK_SCHED of a process, in include/linux/posix-timers_types.h
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
