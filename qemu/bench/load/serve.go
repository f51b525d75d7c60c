package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// life is what a service tells the probe once it is ready.
type life struct {
	name         string
	pid          int
	began, ready time.Duration // main and readiness
}

func (l life) String() string {
	return fmt.Sprintf("%s %d %d %d", l.name, l.pid, l.began, l.ready)
}

func parseLife(s string) (l life, err error) {
	_, err = fmt.Sscan(s, &l.name, &l.pid, &l.began, &l.ready)
	return l, err
}

// probeSocket is where the probe hears of lives. It has no file, so no init has
// to make a folder for it first.
const probeSocket = "@clarity-bench-probe"

// serve is the life of a service.
func serve(name string, began, work time.Duration) error {
	burn(work)
	l := life{name: name, pid: os.Getpid(), began: began, ready: now()}
	if err := notifyReady(); err != nil {
		return err
	}
	if err := send(probeSocket, l.String()); err != nil {
		return err
	}
	for {
		_ = unix.Pause() // until a signal ends us
	}
}

// notifyReady tells the init, by sd_notify(3)'s protocol.
func notifyReady() error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	return send(socket, "READY=1")
}

// send sends one datagram, waiting while the receiver's queue is full.
func send(address, text string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte(text), 0, &unix.SockaddrUnix{Name: address}); err != nil {
		return fmt.Errorf("send to %s: %w", address, err)
	}
	return nil
}

// listen makes a socket that receives datagrams at address.
func listen(address string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: address}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen at %s: %w", address, err)
	}
	return fd, nil
}

// burn uses up CPU time on one thread.
func burn(work time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	seed := uint64(now()) | 1
	for end := clock(unix.CLOCK_THREAD_CPUTIME_ID) + work; clock(unix.CLOCK_THREAD_CPUTIME_ID) < end; {
		for range 2000 { // some 10 µs, between looks at the clock
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
		}
	}
	runtime.KeepAlive(seed)
}
