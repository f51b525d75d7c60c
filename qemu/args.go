package qemu

import (
	"fmt"
	"strings"

	"clarityos/qemu/agent"
)

// The descriptors that QEMU inherits, in the order of os/exec's ExtraFiles.
const (
	consoleFD = 3
	agentFD   = 4
	qmpFD     = 5
)

// DiskSerial is the serial number of the data disk: the guest finds it as
// /dev/disk/by-id/virtio-clarity-var or in /sys/block/*/serial.
const DiskSerial = "clarity-var"

// platform is what differs between architectures.
type platform struct {
	program string
	machine string
	cpu     string // under TCG
	kvm     string // under KVM

	// UEFI firmware, and the variables that it begins with, without keys and with those for
	// tests, of Debian's packages.
	firmware, variables, trusting string
	uboot                         string // likewise; "": there is none
}

// Under TCG, QEMU 7.2 corrupts guests that use cmpxchg16b, so it is left out
// (DESIGN, section 10).
var platforms = map[string]platform{
	"amd64": {"qemu-system-x86_64", "pc", "max,-cx16", "host", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd", ""},
	"arm64": {"qemu-system-aarch64", "virt", "cortex-a57", "host", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", "/usr/share/AAVMF/AAVMF_VARS.snakeoil.fd", "/usr/lib/u-boot/qemu_arm64/u-boot.bin"},
}

// arguments returns what QEMU is started with for a config that is filled and
// whose acceleration is decided. TCG gets threads, "single" or "multi".
func arguments(c Config, threads string) []string {
	p := platforms[c.Image.Arch]
	var args []string
	add := func(a ...string) { args = append(args, a...) }

	add("-nodefaults", "-no-user-config", "-display", "none")
	add("-M", p.machine)
	switch {
	case c.Accel == KVM:
		add("-accel", "kvm", "-cpu", p.kvm)
	case c.CountInstructions:
		add("-accel", "tcg", "-cpu", p.cpu, "-icount", "shift=0,sleep=off")
	default:
		add("-accel", "tcg,thread="+threads, "-cpu", p.cpu)
	}
	add("-m", fmt.Sprint(c.Memory), "-smp", fmt.Sprint(c.CPUs))

	switch {
	case c.BootDisk != "":
		add(p.boots(c)...)
	default:
		add("-kernel", c.Image.Kernel)
		if c.Image.Initramfs != "" {
			add("-initrd", c.Image.Initramfs)
		}
		add("-append", strings.TrimSpace(c.Image.Cmdline+" "+c.Append))
	}

	add("-chardev", fmt.Sprintf("socket,id=console,fd=%d", consoleFD), "-serial", "chardev:console")
	add("-device", "virtio-serial-pci")
	add("-chardev", fmt.Sprintf("socket,id=agent,fd=%d", agentFD))
	add("-device", "virtserialport,chardev=agent,name="+agent.PortName)
	add("-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", qmpFD), "-mon", "chardev=qmp,mode=control")

	add("-device", "virtio-rng-pci")
	add("-device", "i6300esb", "-action", "watchdog=reset")

	net := "user,id=net"
	for _, f := range c.Forwards {
		net += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", f.Host, f.Guest)
	}
	add("-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile=")

	if c.Disk != "" {
		add("-drive", "if=none,id=var,format=raw,discard=unmap,file="+escape(c.Disk)+c.caching())
		add("-device", "virtio-blk-pci,drive=var,serial="+DiskSerial)
	}
	if c.NoReboot {
		add("-no-reboot")
	}
	return append(args, c.Extra...)
}

// caching is what a drive's options end in.
func (c Config) caching() string {
	if c.Flushless || c.CountInstructions {
		return ",cache=unsafe"
	}
	return ""
}

// escape doubles commas, which otherwise end a value in QEMU's options.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }
