// Command stage1 is PID 1 in the initramfs of a machine that has its root on a disk: it
// chooses a root slot, proves it by dm-verity, and becomes the init that is in it.
//
//	main.go    the way from the kernel to the root's init
//	words.go   what the loader says on the kernel's command line
//	root.go    mounting a root, and becoming its init
//	kexec.go   starting the other slot's kernel
//
// What to do is decided by package slots, from the record that package bootdisk reads.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/devices"
	"clarityos/init/stage"
	"clarityos/init/watchdog"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
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
	switch {
	case os.Getpid() == 1:
	case filepath.Base(os.Args[0]) == "modprobe": // the kernel asks, -q, for what may not be there
		if devices.Modprobe(os.Args[1:]) != nil {
			os.Exit(1)
		}
		return
	default:
		fmt.Fprintln(os.Stderr, "stage1: this is PID 1 of an initramfs; nothing else may start it")
		os.Exit(64)
	}
	dog := watchdog.New()
	again, err := run(dog)
	if again {
		say("%v; the machine restarts", err)
	} else {
		say("%v; the machine restarts in %v", err, pause)
		wait(dog)
	}
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

// sinceBoot is how long ago the kernel began.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // it cannot fail
	return time.Duration(ts.Nano())
}

// wait lets pass what a person needs to read.
func wait(dog *watchdog.Watchdog) {
	for left := pause; left > 0; left -= time.Second {
		dog.Pet()
		time.Sleep(time.Second)
	}
}

// run returns only when the machine has to restart: again says that it goes on then, and
// that there is nothing for a person to do.
func run(dog *watchdog.Watchdog) (again bool, err error) {
	times := slots.Times{Begun: sinceBoot()}
	notes, err := stage.Mount()
	stage.StandardFiles()
	for _, n := range notes {
		say("%s", n)
	}
	if err != nil {
		return false, err
	}
	w := readWords(stage.CommandLine())
	modules, err := lines(modulesFile)
	if err != nil {
		say("which modules to load: %v", err)
	}
	scan := devices.Load(modules, func(line string) { say("%s", line) })
	if w.state == "" {
		w.state = loader.Partition()
	}
	d, err := await(w, scan, dog)
	if err != nil {
		return false, err
	}
	times.Disk = sinceBoot()
	dog.Pet() // its driver was loaded with those of disks
	rec := bootdisk.OpenRecord(d.Parts[bootdisk.State].Device)
	defer rec.Close()
	if rec.Problem != nil {
		say("%v", rec.Problem)
	}
	l := loader.Find(d.Parts[bootdisk.ESP].Device, d.Parts[bootdisk.State].Device)
	c := choose(rec, slots.Boot{ID: bootID(), Loaded: w.slot, Forced: w.forced})
	times.Chosen = sinceBoot()
	if c.Tired {
		say("it goes on in %v", pause)
		wait(dog)
	}
	var failed error
	switch c.Do {
	case slots.Switch:
		failed = switchTo(d, c.Slot, rec.Now.Side(c.Slot).Boot, dog, l)
		switch {
		case failed == nil:
			return true, errors.New(c.Reason)
		case !errors.Is(failed, loader.ErrAltered):
			return false, failed
		}
	case slots.Rescue:
		return false, errors.New(c.Reason)
	default:
		trial := rec.Now != nil && rec.Now.Side(c.Slot).State == slots.Trying
		running := slots.Running{Slot: c.Slot.String(), Reason: c.Reason, Worse: c.Worse, Record: d.Parts[bootdisk.State].Device, ESP: d.Parts[bootdisk.ESP].Device, Loader: "none", Times: times}
		if l != nil {
			running.Loader = l.String()
		}
		failed = enter(d, rootOf(rec.Now, c.Slot, w.root), trial, running)
	}
	if rec.Now == nil {
		return false, fmt.Errorf("slot %v: %w", c.Slot, failed)
	}
	next := rec.Now.Failed(c.Slot, failed.Error())
	if err := rec.Write(next); err != nil {
		return false, errors.Join(fmt.Errorf("slot %v: %w", c.Slot, failed), err)
	}
	return next.Side(c.Slot).State == slots.Bad, fmt.Errorf("slot %v: %w", c.Slot, failed)
}

// choose decides which slot is booted, and has the record say so before it is done. A
// record that cannot be written is not used.
func choose(rec *bootdisk.Record, b slots.Boot) slots.Choice {
	c := slots.Choose(rec.Now, b)
	if err := rec.Write(c.Next); err != nil {
		say("%v; nothing is tried", err)
		rec.Now = nil
		c = slots.Choose(nil, b)
	}
	say("%s", c.Reason)
	return c
}

// await waits for the disk, and for the partitions that each boot needs. Scan has modules
// be loaded for devices that have come.
func await(w words, scan func(), dog *watchdog.Watchdog) (bootdisk.Disk, error) {
	began := time.Now()
	said := false
	for n := 0; ; n++ {
		d, err := bootdisk.Find(os.DirFS("/sys/block"), os.DirFS("/dev"), w.state)
		if err == nil {
			if err = d.Has("root-a", "verity-a"); err == nil {
				return d, nil
			}
		}
		waited := time.Since(began)
		if !errors.Is(err, bootdisk.ErrNotYet) || waited > diskWait {
			return d, fmt.Errorf("after %v: %w", waited.Round(time.Millisecond), err)
		}
		if waited > tell && !said {
			said = true
			say("%v; it is waited for, at most %v", err, diskWait)
		}
		time.Sleep(look)
		dog.Pet()
		if n%10 == 9 {
			scan()
		}
	}
}
