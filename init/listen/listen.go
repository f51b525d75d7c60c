// Package listen opens the descriptors of socket units. It does not wait for
// anybody, but a look at a path can hang: PID 1 calls it from a pool. It
// imports the plan and init/spawn.
package listen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"clarityos/init/spawn"
	"clarityos/services/plan"
)

// Open gives the descriptors of a socket unit in the order of its lines: none
// of them blocks. After an error none is left open.
func Open(s *plan.Socket) (fds []int, err error) {
	defer func() {
		if err != nil {
			Close(s, fds)
			fds = nil
		}
	}()
	for i := range s.Listen {
		l := &s.Listen[i]
		fd, err := one(s, l)
		if err != nil {
			return fds, fmt.Errorf("listen at %s: %w", l.Text, err)
		}
		fds = append(fds, fd)
	}
	for _, link := range s.Symlinks {
		target := firstPath(s)
		if target == "" {
			return fds, errors.New("a socket in the file system is needed for Symlinks=")
		}
		if err := removeOld(link, unix.S_IFLNK); err != nil {
			return fds, fmt.Errorf("link %s: %w", link, err)
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return fds, err
		}
		if err := os.Symlink(target, link); err != nil {
			return fds, err
		}
	}
	return fds, nil
}

func firstPath(s *plan.Socket) string {
	for _, l := range s.Listen {
		if inFiles(&l.At) {
			return l.At.Path
		}
	}
	return ""
}

// inFiles says whether an address has a file.
func inFiles(a *plan.Address) bool { return a.Path != "" && a.Path[0] == '/' }

func one(s *plan.Socket, l *plan.Listen) (fd int, err error) {
	if inFiles(&l.At) {
		if err := os.MkdirAll(filepath.Dir(l.At.Path), os.FileMode(s.DirectoryMode)); err != nil {
			return -1, err
		}
	}
	if l.Kind == "fifo" {
		fd, err = fifo(s, l.At.Path)
	} else {
		fd, err = socket(s, l)
	}
	if err != nil || !inFiles(&l.At) {
		return fd, err
	}
	if err = unix.Chmod(l.At.Path, s.Mode); err == nil {
		err = unix.Lchown(l.At.Path, s.UID, s.GID)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

func fifo(s *plan.Socket, path string) (int, error) {
	if err := unix.Mkfifo(path, s.Mode); err != nil && err != unix.EEXIST {
		return -1, err
	}
	// For reading and writing, so that it has no end while nobody writes.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		unix.Close(fd)
		return -1, errors.New("it is there and no FIFO")
	}
	return fd, nil
}

var kinds = map[string]int{"stream": unix.SOCK_STREAM, "datagram": unix.SOCK_DGRAM, "seqpacket": unix.SOCK_SEQPACKET}

func socket(s *plan.Socket, l *plan.Listen) (int, error) {
	family, sa, _ := spawn.Sockaddr(&l.At)
	fd, err := unix.Socket(family, kinds[l.Kind]|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == unix.EAFNOSUPPORT && l.At.IP == nil && l.At.Path == "" { // a kernel without IPv6
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: l.At.Port}
		fd, err = unix.Socket(family, kinds[l.Kind]|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return -1, err
	}
	if err := setUp(fd, s, l, family, sa); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func setUp(fd int, s *plan.Socket, l *plan.Listen, family int, sa unix.Sockaddr) error {
	set := func(level, name, value int) error { return unix.SetsockoptInt(fd, level, name, value) }
	if family != unix.AF_UNIX {
		if err := set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	if family == unix.AF_INET6 {
		only := 0
		if s.IPv6Only == "ipv6-only" {
			only = 1
		}
		if err := set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return err
		}
	}
	if s.Device != "" {
		if err := unix.BindToDevice(fd, s.Device); err != nil {
			return fmt.Errorf("bind to %s: %w", s.Device, err)
		}
	}
	for _, o := range s.Options {
		if err := set(o.Level, o.Name, o.Value); err != nil {
			return fmt.Errorf("socket option %d of level %d: %w", o.Name, o.Level, err)
		}
	}
	if inFiles(&l.At) {
		if err := removeOld(l.At.Path, unix.S_IFSOCK); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return err
	}
	if l.Kind == "datagram" {
		return nil
	}
	return unix.Listen(fd, s.Backlog)
}

// removeOld removes what an earlier life has left at path: a file of that type
// (unix.S_IFSOCK and its kin), and nothing else.
func removeOld(path string, kind uint32) error {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	switch {
	case err == unix.ENOENT:
		return nil
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != kind:
		return errors.New("there is a file of another kind, which stays")
	}
	return unix.Unlink(path)
}

// Close closes the descriptors that Open gave, or as many as it got to, and
// removes what it made for them if the unit asks for that.
func Close(s *plan.Socket, fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
	if !s.Remove {
		return
	}
	for _, l := range s.Listen[:len(fds)] {
		kind := uint32(unix.S_IFSOCK)
		if l.Kind == "fifo" {
			kind = unix.S_IFIFO
		}
		if inFiles(&l.At) {
			_ = removeOld(l.At.Path, kind) // its service may have done so
		}
	}
	if len(fds) == len(s.Listen) {
		for _, link := range s.Symlinks {
			_ = removeOld(link, unix.S_IFLNK)
		}
	}
}

// Flush takes and drops what waits in a socket.
func Flush(fds []int) {
	var b [4096]byte
	for _, fd := range fds {
		for range 1024 { // whoever sends faster than that is heard next time
			if conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC); err == nil {
				unix.Close(conn)
				continue
			}
			if n, err := unix.Read(fd, b[:]); n <= 0 || err != nil {
				break
			}
		}
	}
}
