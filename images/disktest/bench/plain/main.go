// Command plain is an init that a disk's own stage 1 is measured against: it mounts the root
// of slot A without a record, a loader to ask, or verity, and changes to it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/devices"
	"clarityos/init/stage"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

const (
	root  = "/sysroot"
	limit = time.Minute // for the disk to come
)

func main() {
	if filepath.Base(os.Args[0]) == "modprobe" { // the kernel asks for what may not be there
		if devices.Modprobe(os.Args[1:]) != nil {
			os.Exit(1)
		}
		return
	}
	fmt.Fprintln(os.Stderr, "plain init:", run())
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // PID 1 must not end
}

func run() error {
	if _, err := stage.Mount(); err != nil {
		return err
	}
	stage.StandardFiles()
	scan := devices.Load([]string{"erofs", "overlay"}, func(line string) { fmt.Fprintln(os.Stderr, line) })
	d, err := await(scan)
	if err != nil {
		return err
	}
	device := d.Parts[bootdisk.Root+"-a"].Device
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(device, root, "erofs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	if err := stage.Writable(root, "/etc", "/var"); err != nil {
		return err
	}
	// What comes after it does the same as under stage 1, but judges no slot.
	running, err := json.Marshal(slots.Running{Slot: "a", Worse: true, Reason: "nothing was asked", Record: d.Parts[bootdisk.State].Device, ESP: d.Parts[bootdisk.ESP].Device, Loader: "none"})
	if err == nil {
		err = os.WriteFile(slots.RunningFile, running, 0o644)
	}
	if err != nil {
		return err
	}
	return stage.Become(root, "/init", append(os.Environ(), stage.Moved+"=1"))
}

// await waits for the root's partition, and looks for it as often as stage 1 does.
func await(scan func()) (bootdisk.Disk, error) {
	began := time.Now()
	for n := 0; time.Since(began) < limit; n++ {
		d, err := bootdisk.Find(os.DirFS("/sys/block"), os.DirFS("/dev"), "")
		if err == nil {
			if err = d.Has(bootdisk.Root + "-a"); err == nil {
				return d, nil
			}
		}
		if !errors.Is(err, bootdisk.ErrNotYet) {
			return d, err
		}
		time.Sleep(20 * time.Millisecond)
		if n%10 == 9 {
			scan()
		}
	}
	return bootdisk.Disk{}, fmt.Errorf("there is no disk with slots after %v", limit)
}
