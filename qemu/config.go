package qemu

import (
	"errors"
	"fmt"
	"io"

	"clarityos/images"
)

// Config says which machine to start. Only Image is needed.
type Config struct {
	Image *images.Image

	// Accel is how the guest's instructions are run. The zero value leaves
	// the choice to CLARITY_ACCEL and, without it, to a probe.
	Accel Accel
	// Append is added to the image's kernel command line.
	Append string
	// Memory is in MiB and CPUs a count; 0 takes the image's, or 1024 and 2.
	Memory, CPUs int

	// Disk is the file of the data disk, "" for none. It is made if need
	// be, sparse and blank, and grown to DiskSize bytes; the guest makes and
	// grows the file system in it. It is never made smaller.
	Disk     string
	DiskSize uint64

	// BootDisk is the file of a disk that firmware boots, in the place of the image's
	// kernel; "" for none. UEFI's variables are kept beside it. BootBus is how it is
	// attached, BootBy what boots it; the zero values are virtio and UEFI.
	BootDisk string
	BootBus  Bus
	BootBy   Firmware
	// BootReadOnly has the guest not write to BootDisk.
	BootReadOnly bool
	// BootLog is the file, which has to be there, of a log of all writes to BootDisk, for
	// package blocklog; "" for none. It goes on when the power comes back.
	BootLog string

	// Flushless has the guest not wait for the host's disk when it flushes its own. What it
	// wrote outlives the machine, but not the host's power.
	Flushless bool

	// Forwards are TCP ports of the guest that 127.0.0.1 reaches, besides
	// the image's. A Host of 0 takes a free port: see Machine.Address.
	Forwards []images.Forward
	// AnyPorts replaces the host's ports of all forwards by free ones.
	AnyPorts bool

	// Console is the file that keeps the console's output, "" for one that
	// Close removes. Echo also gets it, as it comes.
	Console string
	Echo    io.Writer

	// NoReboot makes a reset of the guest the end of QEMU.
	NoReboot bool
	// CountInstructions makes guest time a count of instructions, one
	// nanosecond each (-icount shift=0,sleep=off), under TCG with one thread. It runs on
	// while a machine waits for the host's disk, so these are Flushless.
	CountInstructions bool
	// Extra arguments go to QEMU as they are, after ours.
	Extra []string

	logGoesOn bool // BootLog has writes already
}

// filled returns the config with its zeros replaced, or says what is wrong.
func (c Config) filled() (Config, error) {
	if c.Image == nil {
		return c, errors.New("start a machine: no image given")
	}
	if _, ok := platforms[c.Image.Arch]; !ok {
		return c, fmt.Errorf("start image %s: QEMU is not set up here for architecture %q; amd64 and arm64 are", c.Image.Name, c.Image.Arch)
	}
	if _, ok := buses[c.BootBus]; !ok {
		return c, fmt.Errorf("start image %s: there is no bus %q for disks", c.Image.Name, c.BootBus)
	}
	if c.BootBy == UBoot && platforms[c.Image.Arch].uboot == "" {
		return c, fmt.Errorf("start image %s: there is no U-Boot for %s here; arm64 has one", c.Image.Name, c.Image.Arch)
	}
	if c.BootDisk != "" && c.Append != "" {
		return c, fmt.Errorf("start image %s: the kernel's command line is on the disk %s; nothing can be added to it", c.Image.Name, c.BootDisk)
	}
	c.Memory = firstNonZero(c.Memory, c.Image.Memory, 1024)
	c.CPUs = firstNonZero(c.CPUs, c.Image.CPUs, 2)
	if c.Memory < 0 || c.CPUs < 0 {
		return c, fmt.Errorf("start image %s: %d MiB of memory and %d CPUs cannot be had", c.Image.Name, c.Memory, c.CPUs)
	}
	forwards, err := mergeForwards(c.Image.Forwards, c.Forwards)
	if err != nil {
		return c, fmt.Errorf("start image %s: %w", c.Image.Name, err)
	}
	if c.AnyPorts {
		for i := range forwards {
			forwards[i].Host = 0
		}
	}
	c.Forwards = forwards
	return c, nil
}

// mergeForwards lets the later of two forwards to one guest port win.
func mergeForwards(lists ...[]images.Forward) ([]images.Forward, error) {
	var merged []images.Forward
	at := map[int]int{}
	for _, list := range lists {
		for _, f := range list {
			if f.Guest < 1 || f.Guest > 65535 || f.Host < 0 || f.Host > 65535 {
				return nil, fmt.Errorf("forward %d:%d: ports are 1 to 65535, and 0 on the host's side for a free one", f.Host, f.Guest)
			}
			if i, ok := at[f.Guest]; ok {
				merged[i] = f
				continue
			}
			at[f.Guest] = len(merged)
			merged = append(merged, f)
		}
	}
	return merged, nil
}

func firstNonZero(values ...int) int {
	for _, v := range values {
		if v != 0 {
			return v
		}
	}
	return 0
}
