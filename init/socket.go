package main

import (
	"slices"

	"golang.org/x/sys/unix"

	"clarityos/init/listen"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// listen opens a socket unit's descriptors in the pool that may hang.
func (p *pid1) listen(a supervisor.Listen) {
	r := p.resource(a.Unit)
	p.asks.Add(func() {
		fds, err := listen.Open(a.Unit.Socket)
		p.post(func() {
			e := supervisor.Listened{Token: a.Token}
			switch {
			case err != nil:
				e.Err = err.Error()
			case p.sup.Holder(a.Token) == "": // the unit has been stopped meanwhile
				p.asks.Add(func() { listen.Close(a.Unit.Socket, fds) })
				return
			default:
				r.sockets = fds
			}
			p.fold(e)
		})
	})
}

// watchSocket has the first use of a socket told, once.
func (p *pid1) watchSocket(r *resource, on bool) {
	if r.watched == on {
		return
	}
	r.watched = on
	if on && r.unit.Socket.Flush {
		listen.Flush(r.sockets)
	}
	for _, fd := range r.sockets {
		if !on {
			p.reactor.Remove(fd)
			continue
		}
		p.try(p.reactor.Add(fd, unix.EPOLLIN, func(uint32) {
			p.watchSocket(r, false)
			p.fold(supervisor.Incoming{Unit: r.unit.Name})
		}))
	}
}

func (p *pid1) closeSocket(u *plan.Unit) {
	r := p.resource(u)
	p.watchSocket(r, false)
	fds := r.sockets
	r.sockets = nil
	p.asks.Add(func() { listen.Close(u.Socket, fds) })
}

// passed gives copies of the descriptors that a service is given, which the
// caller closes, and their names.
func (p *pid1) passed(svc *plan.Service) (fds []int, names []string) {
	for _, unit := range svc.Sockets {
		r := p.units[unit]
		if r == nil || r.unit.Socket == nil {
			continue
		}
		name := r.unit.Socket.Names
		if name == "" {
			name = unit
		}
		for _, fd := range r.sockets {
			copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				p.try(err)
				continue
			}
			fds, names = append(fds, copied), append(names, name)
		}
	}
	return fds, slices.Clip(names)
}
