package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Firmware is what boots a disk.
type Firmware string

// The firmware there is.
const (
	UEFI  Firmware = "" // OVMF or AAVMF
	UBoot Firmware = "u-boot"
	// SecureBoot is UEFI that executes only what is signed by the "snakeoil" key, which its
	// Debian package has for tests. Nothing protects its variables from the guest (SMM).
	SecureBoot Firmware = "secure-boot"
)

// Bus is how a disk is attached.
type Bus string

// The buses.
const (
	Virtio Bus = ""
	NVMe   Bus = "nvme"
	SATA   Bus = "sata"
	USB    Bus = "usb"
	SD     Bus = "sd" // the disk's size has to be a power of two
)

// buses are the devices that attach the drive "boot"; a kernel from QEMU comes before it.
var buses = map[Bus][]string{
	Virtio: {"virtio-blk-pci,drive=boot,bootindex=1"},
	NVMe:   {"nvme,drive=boot,serial=boot,bootindex=1"},
	SATA:   {"ahci,id=ahci", "ide-hd,drive=boot,bus=ahci.0,bootindex=1"},
	USB:    {"qemu-xhci", "usb-storage,drive=boot,bootindex=1"},
	SD:     {"sdhci-pci", "sd-card,drive=boot"},
}

// boots gives the arguments by which a disk is booted.
func (p platform) boots(c Config) (args []string) {
	if c.BootBy == UBoot {
		args = append(args, "-bios", p.uboot)
	} else {
		args = append(args, "-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+p.firmware,
			"-drive", "if=pflash,format=raw,unit=1,file="+escape(variables(c.BootDisk)))
	}
	drive := "if=none,id=boot,format=raw,discard=unmap,file=" + escape(c.BootDisk) + c.caching()
	if c.BootLog != "" {
		drive = "if=none,id=boot,driver=blklogwrites,file.driver=file,file.filename=" + escape(c.BootDisk) + ",log.driver=file,log.filename=" + escape(c.BootLog)
		if c.logGoesOn {
			drive += ",log-append=on"
		}
	}
	if c.BootReadOnly {
		drive += ",readonly=on"
	}
	args = append(args, "-drive", drive)
	for _, d := range buses[c.BootBus] {
		// QEMU 7.2's virtio-blk makes one write of up to IOV_MAX pieces of several, to which
		// blklogwrites adds one of its own: such a write fails.
		if c.BootLog != "" && c.BootBus == Virtio {
			d += ",request-merging=off"
		}
		args = append(args, "-device", d)
	}
	return args
}

// variables is the file that keeps the firmware's variables of a disk.
func variables(disk string) string { return disk + ".vars" }

// prepareVariables makes that file of a template, unless it is there or the firmware has none.
func (p platform) prepareVariables(disk string, by Firmware) error {
	template, has := map[Firmware]string{UEFI: p.variables, SecureBoot: p.trusting}[by]
	if !has {
		return nil
	}
	if _, err := os.Stat(variables(disk)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blank, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("the firmware's variables: %w; `make deps` installs the firmware", err)
	}
	return os.WriteFile(variables(disk), blank, 0o600)
}
