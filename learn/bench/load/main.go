// Command load does one thing many times, as fast as it can, and prints for each
// thing its name and how long one took, in nanoseconds: "open 1234".
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const unixPath, missingPath, file = "/run/load.sock", "/run/load.none", "/run/load.file"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	defer os.Remove(unixPath)
	stream, err := listen(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: unixPath})
	if err != nil {
		return err
	}
	tcp, err := listen(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 7777})
	if err != nil {
		return err
	}
	udp, err := listen(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 7777})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		return err
	}
	for _, l := range []struct {
		name  string
		times int
		once  func() error
	}{
		{"open", 20000, func() error { return open(file, nil) }},
		{"missing", 20000, func() error { return open(missingPath, unix.ENOENT) }},
		{"stat", 20000, func() error { var st unix.Stat_t; return unix.Stat(file, &st) }},
		{"unix", 5000, func() error { return connect(unix.AF_UNIX, &unix.SockaddrUnix{Name: unixPath}, stream) }},
		{"tcp", 2000, func() error {
			return connect(unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 7777}, tcp)
		}},
		{"udp", 10000, func() error { return send(udp) }},
		{"exec", 200, execute},
		{"mixed", 200, func() error { return mixed(stream) }},
	} {
		began := time.Now()
		for range l.times {
			if err := l.once(); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
		fmt.Println(l.name, int64(time.Since(began))/int64(l.times))
	}
	return nil
}

// mixed is what a shell script or a web server does most: it executes, opens and
// connects.
func mixed(stream int) error {
	if err := execute(); err != nil {
		return err
	}
	for range 10 {
		if err := open(file, nil); err != nil {
			return err
		}
	}
	return connect(unix.AF_UNIX, &unix.SockaddrUnix{Name: unixPath}, stream)
}

func open(path string, want error) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Close(fd)
	}
	if err != want {
		return fmt.Errorf("open %s: %v, not %v", path, err, want)
	}
	return nil
}

func listen(family, kind int, at unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, at); err != nil {
		return -1, err
	}
	if kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, 16)
	}
	return fd, err
}

func connect(family int, to unix.Sockaddr, listener int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, to); err != nil {
		return err
	}
	other, _, err := unix.Accept(listener)
	if err != nil {
		return err
	}
	if err := unix.Close(fd); err != nil {
		return err
	}
	return unix.Close(other)
}

func send(udp int) error {
	if err := unix.Sendto(udp, []byte("x"), 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 7777}); err != nil {
		return err
	}
	var buf [1]byte
	_, _, err := unix.Recvfrom(udp, buf[:], 0)
	return err
}

func execute() error {
	pid, err := syscall.ForkExec("/usr/bin/dash", []string{"dash", "-c", ":"}, &syscall.ProcAttr{Env: []string{}, Files: []uintptr{0, 1, 2}})
	if err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if status != 0 {
		return fmt.Errorf("dash ended with status %d", status)
	}
	return nil
}
