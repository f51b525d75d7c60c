package intake

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// link handles what PID 1 says. A packet is taken when it has been dealt with.
func (c *component) link() error {
	for range perTurn {
		p, err := peekPacket(c.Link, c.buf[:MaxPacket])
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return nil
		case errors.Is(err, errEnd), errors.Is(err, unix.ECONNRESET):
			return errEnd
		case err != nil && p.fd < 0 && errors.As(err, new(unix.Errno)):
			return err
		case err != nil:
			c.say(log.Error, err.Error())
		default:
			if err := c.obey(p); err != nil {
				return err
			}
		}
		take(c.Link)
	}
	return nil
}

// obey deals with one packet. An error leaves it where it is.
func (c *component) obey(p packet) error {
	switch {
	case p.Stream != nil:
		return c.add(*p.Stream, p.fd)
	case p.Socket != "":
		return c.addSocket(p.Socket, p.fd)
	}
	p.close()
	switch {
	case p.Record != nil:
		position, _ := c.store.Position("init")
		if c.fresh && position != 0 && p.Record.MonotonicUS == position {
			return nil // stored, but not taken, by the component before
		}
		r := log.Record{RealtimeUS: p.Record.RealtimeUS, MonotonicUS: p.Record.MonotonicUS,
			Unit: p.Record.Unit, Identifier: "init", PID: 1, Priority: p.Record.Priority, Message: p.Record.Message,
			Source: "init", Position: p.Record.MonotonicUS}
		if r.Priority > c.MaxLevel {
			r = log.Record{Mark: true, Source: r.Source, Position: r.Position}
		}
		c.urgent = c.urgent || !r.Mark && r.Priority <= log.Error
		if err := c.store.Append(r); err != nil {
			return err
		}
		c.fresh = false
	case p.Lost != nil:
		unit := ""
		if s := c.streams[p.Lost.ID]; s != nil {
			unit = s.Unit
		}
		now := readClock()
		return c.store.Append(log.Record{RealtimeUS: now.realtime, MonotonicUS: now.monotonic, Unit: unit, Identifier: "init",
			PID: 1, Priority: log.Warning, Message: fmt.Sprintf("%d bytes of output were lost while there was no log component", p.Lost.Bytes)})
	case p.Move != "":
		if filepath.IsAbs(p.Move) && p.Move != c.store.Dir() {
			c.moveTo, c.nextMove = p.Move, time.Time{}
		}
	}
	return nil
}

// add takes over a stream. One that cannot be is told and left to PID 1.
func (c *component) add(of Stream, pipe int) error {
	if pipe < 0 {
		c.say(log.Error, fmt.Sprintf("stream %s of %s came without its pipe", of.ID, of.Unit))
		return nil
	}
	if c.streams[of.ID] != nil {
		unix.Close(pipe)
		return nil
	}
	c.rules.policies[of.Unit] = of.policy(c.rules.standard)
	s, err := openStream(of, pipe, filepath.Join(c.Dir, "spool"), c.store)
	if err == nil {
		err = c.watch(pipe, func() error { return c.stream(s) })
	}
	if err != nil {
		unix.Close(pipe)
		c.say(log.Error, fmt.Sprintf("stream %s of %s: %v", of.ID, of.Unit, err))
		return nil
	}
	c.streams[of.ID] = s
	// What the component before took may wait for no event.
	return c.stream(s)
}

// stream does a turn of one stream, and tells PID 1 when it is over.
func (c *component) stream(s *stream) error {
	over, urgent, err := s.work(c.store, c.rules, c.buf[:streamBuffer], readClock())
	c.urgent = c.urgent || urgent
	if err != nil || !over {
		return err
	}
	// Closing is not enough: PID 1 holds the same open file (epoll(7), Q6).
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, s.pipe, nil)
	delete(c.sources, int32(s.pipe))
	delete(c.streams, s.ID)
	s.close() // before PID 1 forgets it: the other way round, its spool would stay
	c.reply(Reply{Done: s.ID})
	c.store.Forget(s.source())
	for _, other := range c.streams {
		if other.Unit == s.Unit {
			return nil
		}
	}
	delete(c.rules.policies, s.Unit)
	return nil
}

func (c *component) addSocket(name string, fd int) error {
	var work func() error
	switch {
	case fd < 0:
		c.say(log.Error, "socket "+name+" came without its descriptor")
		return nil
	case name == "syslog" || name == "journal":
		s := &socket{name: name, fd: fd, fresh: true}
		work = func() error {
			urgent, err := s.work(c.store, c.rules, c.buf)
			c.urgent = c.urgent || urgent
			return err
		}
	case name == "kmsg":
		r, err := openRing(fd, c.store)
		if err != nil {
			unix.Close(fd)
			c.say(log.Error, err.Error())
			return nil
		}
		work = func() error { return r.work(c.store, c.MaxLevel, c.buf) }
	default:
		unix.Close(fd)
		c.say(log.Error, "PID 1 hands over a socket "+name+", which this version does not know")
		return nil
	}
	if err := c.watch(fd, work); err != nil {
		unix.Close(fd)
		c.say(log.Error, name+": "+err.Error())
	}
	return nil
}
