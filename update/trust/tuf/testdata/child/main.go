// Command child is what trust.Refresh starts, for tests. With the argument "probe" it
// tries, at the time at which a child reads its request, what a child must not be able to
// do, and says on stderr what it could do.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"clarityos/update/trust/tuf"
)

func main() {
	in := io.Reader(os.Stdin)
	if len(os.Args) > 1 {
		in = probe{}
	}
	if err := tuf.Main(in, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type probe struct{}

func (probe) Read([]byte) (int, error) {
	for name, try := range map[string]func() error{
		"read a file":     func() error { _, err := os.ReadFile("/etc/passwd"); return err },
		"list a folder":   func() error { _, err := os.ReadDir("/"); return err },
		"write a file":    func() error { return os.WriteFile("/tmp/written-by-a-child", nil, 0o600) },
		"run a program":   func() error { return exec.Command("/bin/true").Run() },
		"connect":         func() error { _, err := net.Dial("tcp", "127.0.0.1:9"); return notRefused(err) },
		"listen":          listen,
		"open many files": func() error { return open(17) },
	} {
		// On other threads as well: each has to be confined.
		for range 4 {
			done := make(chan error)
			go func() {
				runtime.LockOSThread() // the thread ends with the goroutine
				done <- try()
			}()
			if err := <-done; err == nil {
				fmt.Fprintln(os.Stderr, "it could "+name)
			}
		}
	}
	if v, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); v != 1 || err != nil {
		fmt.Fprintln(os.Stderr, "it could get privileges", v, err)
	}
	if os.Getuid() == 0 {
		fmt.Fprintln(os.Stderr, "it is root")
	}
	return 0, io.EOF
}

// notRefused: a refusal came by the network, which was there then.
func notRefused(err error) error {
	if err != nil && os.IsPermission(err.(*net.OpError).Err) {
		return err
	}
	return nil
}

// listen is by TCP alone: Landlock knows nothing of Multipath TCP, which Go prefers.
func listen() error {
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	_, err := c.Listen(context.Background(), "tcp", "127.0.0.1:0")
	return err
}

// open opens as many files as n, and closes them, so that what is tried next can.
func open(n int) error {
	for range n {
		fd, err := unix.Dup(0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
	}
	return nil
}
