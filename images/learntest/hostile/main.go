// Command hostile connects to as many paths as it is told, and binds as many
// names, as fast as it can.
package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: hostile NUMBER")
	}
	number, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return err
	}
	for n := range number {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/run/none-%d", n)}); err == nil {
			return fmt.Errorf("somebody listens at /run/none-%d", n)
		}
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@hostile-%d", n)}); err != nil {
			return err
		}
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}
