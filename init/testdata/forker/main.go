// Command forker is a daemon of the old kind: it starts a process that goes on,
// writes a PID file and ends. Its arguments are the file and, to lie, a pid.
// With -orphans it leaves 200 children behind that end a little later.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	if len(os.Args) == 1 {
		for {
			time.Sleep(time.Hour)
		}
	}
	switch os.Args[1] {
	case "-nap":
		time.Sleep(50 * time.Millisecond)
		return
	case "-orphans":
		for range 200 {
			if err := exec.Command("/proc/self/exe", "-nap").Start(); err != nil {
				panic(err)
			}
		}
		return
	}
	child := exec.Command("/proc/self/exe")
	if err := child.Start(); err != nil {
		panic(err)
	}
	pid := fmt.Sprint(child.Process.Pid)
	if len(os.Args) > 2 {
		pid = os.Args[2]
	}
	if err := os.WriteFile(os.Args[1], []byte(pid+"\n"), 0o644); err != nil {
		panic(err)
	}
}
