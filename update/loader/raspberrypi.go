package loader

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"clarityos/update/slots"
)

// raspberryPi is the firmware of Raspberry Pis, which reads config.txt on the first partition
// and, in the boot after a flag was set, tryboot.txt in its place; each names the folder that
// kernel and initramfs are in (raspberrypi.com/documentation/computers/config_txt.html,
// os_prefix and tryboot).
type raspberryPi struct {
	// edit has work done on that partition's files.
	edit func(work func(dir string) error) error
	// flag has the next boot be one with tryboot.txt.
	flag func() error
}

// findRaspberryPi gives the firmware of a Raspberry Pi, whose description says what machine
// it is (a file of the device tree), else nil. The first partition is the device esp.
func findRaspberryPi(compatible, esp string) Loader {
	b, err := os.ReadFile(compatible)
	if err != nil || esp == "" || !bytes.Contains(b, []byte("raspberrypi,")) {
		return nil
	}
	return raspberryPi{
		edit: func(work func(dir string) error) error { return Mounted(esp, work) },
		flag: setTryboot,
	}
}

// RaspberryPiConfig is the name of the file that Config is for.
const RaspberryPiConfig = "config.txt"

func (raspberryPi) String() string { return "Raspberry Pi" }

// Config gives a config.txt with which a Raspberry Pi boots a slot.
func Config(s slots.Slot) string {
	return "arm_64bit=1\nenable_uart=1\nupstream_kernel=1\n" + prefix + Entry(s) + "/\nkernel=vmlinuz\ninitramfs initrd followkernel\n"
}

const prefix = "os_prefix="

func (r raspberryPi) ArmOnce(s slots.Slot) error {
	if err := r.point("tryboot.txt", s); err != nil {
		return err
	}
	return r.flag()
}

func (r raspberryPi) Commit(s slots.Slot) error { return r.point(RaspberryPiConfig, s) }

// point has a file name the folder of a slot. All else that a person has written to
// config.txt stays, and is tried too.
func (r raspberryPi) point(name string, s slots.Slot) error {
	return r.edit(func(dir string) error {
		old, err := os.ReadFile(filepath.Join(dir, RaspberryPiConfig))
		if err != nil {
			return err
		}
		lines, found := strings.SplitAfter(string(old), "\n"), false
		for i, l := range lines {
			if strings.HasPrefix(l, prefix) {
				lines[i], found = prefix+Entry(s)+"/\n", true
			}
		}
		if !found {
			return fmt.Errorf("config.txt on the loader's partition has no line %s…, by which it would boot a slot", prefix)
		}
		text := strings.Join(lines, "")
		if now, err := os.ReadFile(filepath.Join(dir, name)); err == nil && string(now) == text {
			return nil
		}
		return replace(dir, name, text)
	})
}

// replace puts a file in the place of another one, which is whole until then.
func replace(dir, name, text string) error {
	part := filepath.Join(dir, name+".new")
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// setTryboot asks the firmware for it by its mailbox (the property SET_REBOOT_FLAGS of
// github.com/raspberrypi/linux, include/soc/bcm2835/raspberrypi-firmware.h), which the
// kernel of Raspberry Pi shows as /dev/vcio, and Linus Torvalds' does not.
func setTryboot() error {
	const setRebootFlags, tryboot, propertyIoctl, done = 0x38064, 1, 0xc0086400, 1 << 31
	f, err := os.OpenFile("/dev/vcio", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("ask the firmware for tryboot: %w; it takes a kernel of Raspberry Pi", err)
	}
	defer f.Close()
	message := [...]uint32{7 * 4, 0, setRebootFlags, 4, 0, tryboot, 0}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), propertyIoctl, uintptr(unsafe.Pointer(&message))); e != 0 {
		return fmt.Errorf("ask the firmware for tryboot: %w", e)
	}
	if message[1] != done {
		return fmt.Errorf("ask the firmware for tryboot: it answers %#x", message[1])
	}
	return nil
}
