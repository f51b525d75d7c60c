// Command stage1 is PID 1 in the initramfs of a machine that has its root on a disk: it
// chooses a root slot, proves it by dm-verity, and becomes the init that is in it.
//
//	main.go    the way from the kernel to the root's init
//	words.go   what the loader says on the kernel's command line
//	find.go    the machine's disk
//	record.go  the record of slots on it
//	root.go    mounting a root, and becoming its init
//	loader.go  having the loader boot the other slot
//
// What to do is decided by package slots.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/devices"
	"clarityos/init/stage"
	"clarityos/update/slots"
)

const (
	// diskWait is how long the disk may take to appear, look how often it is looked for,
	// tell after what time that is said.
	diskWait = 30 * time.Second
	look     = 20 * time.Millisecond
	tell     = 3 * time.Second
	// pause is how long what went wrong can be read before the machine restarts.
	pause = 20 * time.Second
)

// modulesFile names, a line each, the modules that are loaded before devices are looked at.
const modulesFile = "/etc/clarity/stage1.modules"

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "stage1: this is PID 1 of an initramfs; nothing else may start it")
		os.Exit(64)
	}
	err := run()
	say("%v; the machine restarts in %v", err, pause)
	time.Sleep(pause)
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	select {} // PID 1 must not end
}

// say tells the kernel log, and so the console.
func say(format string, args ...any) {
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		f = os.Stderr
	}
	defer f.Close()
	fmt.Fprintf(f, "<4>stage 1: "+format+"\n", args...)
}

// run returns only with an error, or when the machine restarts.
func run() error {
	notes, err := stage.Mount()
	stage.StandardFiles()
	for _, n := range notes {
		say("%s", n)
	}
	if err != nil {
		return err
	}
	w := readWords(stage.CommandLine())
	modules, err := lines(modulesFile)
	if err != nil {
		say("which modules to load: %v", err)
	}
	scan := devices.Load(modules, func(line string) { say("%s", line) })
	d, err := await(w, scan)
	if err != nil {
		return err
	}
	rec, err := openRecord(d.parts[stateName].device)
	if err != nil {
		say("%v", err) // what the loader has booted is used then
	}
	defer rec.close()
	l := loader()
	for {
		c := slots.Choose(rec.now, slots.Boot{ID: bootID(), Loaded: w.slot, Forced: w.forced, CanArm: l != nil})
		if err := rec.write(c.Next); err != nil {
			say("%v; slot %v is booted, and nothing is tried", err, w.slot)
			rec.now = nil
			continue
		}
		say("%s", c.Reason)
		if c.Tired {
			say("it goes on in %v", pause)
			time.Sleep(pause)
		}
		switch c.Do {
		case slots.Switch:
			if err := l.armOnce(c.Slot); err != nil {
				return fmt.Errorf("have the loader boot slot %v: %w", c.Slot, err)
			}
			unix.Sync()
			return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
		case slots.Rescue:
			return errors.New(c.Reason)
		}
		err := enter(d, c, rec.root(c.Slot, w.root))
		failed := fmt.Errorf("slot %v: %w", c.Slot, err)
		if rec.now == nil {
			return failed
		}
		return errors.Join(failed, rec.write(rec.now.Failed(c.Slot, err.Error())))
	}
}

// await waits for the disk, and for the partitions that each boot needs. Scan has modules
// be loaded for devices that have come.
func await(w words, scan func()) (disk, error) {
	began := time.Now()
	said := false
	for n := 0; ; n++ {
		d, err := find(os.DirFS("/sys/block"), w.state)
		if err == nil {
			if err = d.has("root-a", "verity-a"); err == nil {
				return d, nil
			}
		}
		waited := time.Since(began)
		if !errors.Is(err, errNotYet) || waited > diskWait {
			return d, fmt.Errorf("after %v: %w", waited.Round(time.Millisecond), err)
		}
		if waited > tell && !said {
			said = true
			say("%v; it is waited for, at most %v", err, diskWait)
		}
		time.Sleep(look)
		if n%10 == 9 {
			scan()
		}
	}
}
