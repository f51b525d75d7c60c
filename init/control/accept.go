package control

import "golang.org/x/sys/unix"

func (s *Server) accept() {
	for range backlog {
		fd, _, err := unix.Accept4(s.listen, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == unix.EMFILE || err == unix.ENFILE {
			s.turnAway()
			return
		}
		if err != nil {
			return
		}
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			unix.Close(fd)
			continue
		}
		if len(s.conns) >= maxClients && !s.evict(int(cred.Uid)) {
			unix.Close(fd)
			continue
		}
		c := &Conn{UID: int(cred.Uid), PID: int(cred.Pid), server: s, fd: fd, watched: unix.EPOLLIN | unix.EPOLLRDHUP}
		if s.reactor.Add(fd, c.watched, c.event) != nil {
			unix.Close(fd)
			continue
		}
		s.conns[c] = true
		s.hear(c)
	}
}

// hear notes that a client has done something.
func (s *Server) hear(c *Conn) {
	s.heard++
	c.heard = s.heard
}

// reserve keeps a descriptor for turnAway.
func (s *Server) reserve() {
	if fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		s.spare = fd
	}
}

// turnAway ends the connection of a client for which there is no descriptor. It
// would wait for nothing otherwise, and the listening socket be ready all the
// time.
func (s *Server) turnAway() {
	if s.spare >= 0 {
		unix.Close(s.spare)
		s.spare = -1
		if fd, _, err := unix.Accept4(s.listen, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK); err == nil {
			unix.Close(fd)
		}
	}
	s.reserve()
}

// evict makes room for a client: of those that have nothing under way the one
// that has been silent for longest goes, root's last, so that nobody else can
// keep root out.
func (s *Server) evict(uid int) bool {
	var victim *Conn
	for c := range s.conns {
		free := !c.busy || uid == 0 && c.UID != 0
		if free && (victim == nil || c.before(victim)) {
			victim = c
		}
	}
	if victim == nil || victim.UID == 0 && uid != 0 {
		return false
	}
	victim.close()
	return true
}

// before is the order in which clients have to go.
func (c *Conn) before(o *Conn) bool {
	switch {
	case (c.UID == 0) != (o.UID == 0):
		return o.UID == 0
	case c.busy != o.busy:
		return o.busy
	}
	return c.heard < o.heard
}
