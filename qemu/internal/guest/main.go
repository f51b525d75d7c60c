// Command guest is a system for the tests of package qemu: an init that runs
// the agent, and the few commands that the tests call in it. It is not
// ClarityOS, so that those tests stand on nothing else of ours.
//
//	/init                     mount, load modules, serve the agent
//	clarityctl reboot         at once
//	clarityctl poweroff       at once
//	clarityctl ANYTHING       a word, and success
//	sh -c "COMMAND WORDS"     the command, without any of a shell's syntax
//	echo WORDS, cat           as everywhere
//	stamp WORD                print the data disk's size and word, write another
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/qemu/agent"
)

func main() {
	var err error
	switch name := filepath.Base(os.Args[0]); {
	case os.Getpid() == 1:
		err = boot()
	case name == "clarityctl" && slices.Equal(os.Args[1:], []string{"reboot"}):
		err = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	case name == "clarityctl" && slices.Equal(os.Args[1:], []string{"poweroff"}):
		err = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case name == "clarityctl" && len(os.Args) > 1:
		fmt.Println("this guest has nothing to", os.Args[1])
	case name == "sh" && len(os.Args) == 3 && os.Args[1] == "-c":
		words := strings.Fields(os.Args[2])
		err = unix.Exec("/bin/"+words[0], words, os.Environ())
	case name == "echo":
		fmt.Println(strings.Join(os.Args[1:], " "))
	case name == "cat":
		_, err = io.Copy(os.Stdout, os.Stdin)
	case name == "stamp":
		err = stamp(os.Args[1])
	default:
		err = fmt.Errorf("this guest has no command %q", os.Args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		if os.Getpid() == 1 {
			unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		}
		os.Exit(1)
	}
}

// boot never returns without an error.
func boot() error {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := os.MkdirAll(m[1], 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	modules, err := filepath.Glob("/modules/*.ko")
	if err != nil {
		return err
	}
	for _, path := range modules { // in the order of their names
		if err := load(path); err != nil {
			return fmt.Errorf("load %s: %w", path, err)
		}
	}
	if err := os.Setenv("PATH", "/bin"); err != nil {
		return err
	}
	fmt.Println("guest: up")
	port, err := agent.WaitPort(context.Background(), agent.PortName)
	if err != nil {
		return err
	}
	return agent.Serve(context.Background(), port)
}

func load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

// stamp writes a word to the start of the blank data disk, or prints what an
// earlier boot wrote.
func stamp(word string) error {
	disks, err := filepath.Glob("/sys/block/*/serial")
	if err != nil {
		return err
	}
	for _, path := range disks {
		serial, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(serial)) != "clarity-var" {
			continue
		}
		f, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(path)), os.O_RDWR|os.O_SYNC, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		block := make([]byte, 512)
		if _, err := f.ReadAt(block, 0); err != nil {
			return err
		}
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", size, strings.TrimRight(string(block), "\x00"))
		copy(block, word+"\x00")
		_, err = f.WriteAt(block, 0)
		return err
	}
	return fmt.Errorf("no disk has the serial number clarity-var; there are %v", disks)
}
