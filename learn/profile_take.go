package learn

import (
	"context"
	"maps"
	"os"
	"path"

	"clarityos/learn/graph"
	"clarityos/learn/profiles"
	"clarityos/services/bus"
	"clarityos/services/control"
	pid1 "clarityos/services/control/client"
)

// take makes of a message what will be folded, with what is true only now.
func (p *profiling) take(ctx context.Context, m bus.Message) {
	defer p.wake()
	b, err := bus.Decode(m)
	switch b := b.(type) {
	case *bus.BootState:
		if b.State != "starting" {
			p.mu.Lock()
			p.booted = true
			p.book.Booted(b.Took)
			p.mu.Unlock()
			p.graph.change(func(g *graph.Boot) { g.Complete(b.Init, b.Took, b.Failed) })
		}
		return
	case *bus.UnitState:
		if err != nil || path.Ext(b.Unit) != ".service" {
			return
		}
		h := happening{change: profiles.Change{Unit: b.Unit, Active: b.Active, At: b.Since}}
		if b.Active == "active" || b.Active == "inactive" && b.Result != "" {
			p.ask(ctx, &h)
		}
		p.sampled(&h)
		p.queue(h)
	default: // a unit that is gone
		if path.Ext(m.Key) == ".service" && m.Topic == "unit.state" {
			p.queue(happening{change: profiles.Change{Unit: m.Key, Active: "inactive"}, gone: true})
		}
	}
}

func (p *profiling) queue(h happening) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) >= maxWaiting {
		p.book.Dropped++
		return
	}
	p.waiting = append(p.waiting, h)
}

// ask has PID 1 say when the latest start began and ended, and where its cgroup is.
func (p *profiling) ask(ctx context.Context, h *happening) {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	conn, err := pid1.Dial(ctx, control.Path)
	if err != nil {
		return // it counts no start
	}
	defer conn.Close()
	var r control.ShowReply
	if err := conn.Call(ctx, "Show", control.UnitArgs{Unit: h.change.Unit}, &r); err != nil {
		return
	}
	h.change.Begun, h.change.Up, h.change.Restarts, h.unit = r.View.Begun, r.View.Up, r.View.Restarts, r.Unit
	if r.Usage != nil {
		p.mu.Lock()
		p.groups[h.change.Unit] = r.Usage.Cgroup
		p.mu.Unlock()
	}
}

// sampled adds what the unit has used so far, where it has a cgroup.
func (p *profiling) sampled(h *happening) {
	p.mu.Lock()
	group, ok := p.groups[h.change.Unit]
	p.mu.Unlock()
	switch h.change.Active {
	case "active", "reloading", "deactivating":
		if ok {
			s := p.sample(group)
			h.sample = &s
		}
	}
}

// sample reads what a unit's cgroup counts, and what the hooks count of it.
func (p *profiling) sample(group string) profiles.Sample {
	s := profiles.Sample{At: bootTime(), Values: p.reader.Read(group)}
	hooks := p.programs()
	if hooks == nil {
		return s
	}
	info, err := os.Stat(path.Join(cgroups, group))
	if err != nil {
		return s // it is gone
	}
	f, err := hooks.Figures(cgroupID(info))
	if err != nil {
		p.Say(err.Error())
		return s
	}
	maps.Copy(s.Values, map[profiles.Measure]float64{
		profiles.Opened: float64(f.Opened), profiles.Sockets: float64(f.Sockets), profiles.Wakeups: float64(f.Wakeups),
		profiles.CacheAdded: float64(f.Cached) * float64(p.reader.PageSize), profiles.Received: float64(f.Received), profiles.Sent: float64(f.Sent),
	})
	return s
}
