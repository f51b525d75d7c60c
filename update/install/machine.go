package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
	"clarityos/update/etc"
	"clarityos/update/installed"
	"clarityos/update/loader"
	"clarityos/update/manifest"
	"clarityos/update/order"
	"clarityos/update/restart"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/state"
	"clarityos/update/verity"
)

// Machine is what is updated.
type Machine struct {
	installed.Image
	Running slots.Running
	Kernel  string // the release of the one that runs
	Disk    string // its name, such as vda
	State   string // GUID of the partition with the record of slots; "" where the loader knows it
	Etc     string // see etc.Dir

	// Device gives the path of a partition by its name, such as root-b.
	Device func(name string) (string, error)
	// Mend has the loader's partition be free of what a cut of power has left of the files of the
	// slot that is written.
	Mend func() error
	// ESP has work done on the loader's partition, which is mounted for it.
	ESP func(work func(dir string) error) error
	// MayRestart says whether the machine may restart now; else why it may not.
	MayRestart func(order.Restart) error
	// Reboot begins to restart the machine.
	Reboot func(context.Context, restart.Entry) error
}

// ThisMachine is the one that this program runs on.
func ThisMachine() (*Machine, error) {
	m := &Machine{Etc: etc.Dir, Reboot: reboot}
	var err error
	if m.Running, err = slots.ReadRunning(); err != nil {
		return nil, fmt.Errorf("take an update: %w", err)
	}
	if m.Image, err = installed.Read(); err != nil {
		return nil, err
	}
	has, err := state.ReadMarker(state.MarkerFile)
	if err != nil {
		return nil, err
	}
	if has != nil {
		m.Schema = has.Schema // what there is counts, and not what would be written
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	m.Kernel = unix.ByteSliceToString(name.Release[:])
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, err
	}
	m.State = loader.StateGUID(string(line))
	disk, err := bootdisk.Of(os.DirFS("/sys/block"), m.Running.Record)
	if err != nil {
		return nil, err
	}
	m.Disk = disk.Name
	m.Device = func(name string) (string, error) { return disk.Parts[name].Device, disk.Has(name) }
	m.MayRestart = m.mayRestart
	m.Mend = func() error { return loader.Mend(m.Running.ESP, m.slot()) }
	m.ESP = func(work func(string) error) error { return loader.Mounted(m.Running.ESP, work) }
	return m, nil
}

// mayRestart asks the image's policy, or for a person only whether work goes on that is not to
// be interrupted.
func (m *Machine) mayRestart(when order.Restart) error {
	var policy restart.Policy
	if when == order.Policy {
		policy = m.Restart
	}
	now := restart.Now{Time: time.Now()}
	var up unix.Sysinfo_t
	if err := unix.Sysinfo(&up); err != nil {
		return fmt.Errorf("sysinfo: %w", err)
	}
	now.Uptime = time.Duration(up.Uptime) * time.Second
	var err error
	if now.Inhibitors, err = restart.Inhibitors(restart.InhibitDir); err != nil {
		return err
	}
	now.Past, _ = restart.Read(restart.HistoryFile) // what cannot be read bounds nothing
	return policy.Allow(now)
}

// reboot writes a restart down, and asks PID 1 for it.
func reboot(ctx context.Context, e restart.Entry) error {
	e.Boot, e.Kind = restart.BootID(), restart.Full
	if err := restart.Begin(restart.HistoryFile, e); err != nil {
		return err
	}
	return client.Ask(ctx, "Shutdown", control.ShutdownArgs{Kind: supervisor.Reboot}, nil)
}

// slot is the one that is written.
func (m *Machine) slot() slots.Slot { return slots.Named(m.Running.Slot).Other() }

// partition opens one of a slot, to be written or only read.
func (m *Machine) partition(name string, s slots.Slot, flags int) (*os.File, error) {
	path, err := m.Device(name + "-" + s.String())
	if err != nil {
		return nil, err
	}
	return os.OpenFile(path, flags, 0)
}

// disk is a partition of the slot that does not run, to write to.
func (m *Machine) disk(name string) (*disk, error) {
	f, err := m.partition(name, m.slot(), os.O_RDWR)
	if err != nil {
		return nil, err
	}
	return onDisk(f), nil
}

// size is that of a partition, in bytes.
func (m *Machine) size(name string, s slots.Slot) (int64, error) {
	f, err := m.partition(name, s, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Seek(0, io.SeekEnd)
}

// facts are what counts when a release is looked at.
func (m *Machine) facts(rec *slots.Record, refused map[string]string) (f manifest.Machine, err error) {
	f = manifest.Machine{
		Name: m.Name, Arch: m.Arch, Board: m.Board, Version: m.Version, Security: m.Security, Components: m.Components, Schema: m.Schema, Refused: refused,
	}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		if side := rec.Side(s); side.State == slots.Good {
			f.Security = max(f.Security, side.Security)
		}
	}
	if f.Components == nil {
		f.Components = map[string]string{}
	}
	f.Components[manifest.KernelName] = m.Kernel
	var e1, e2 error
	f.Root, e1 = m.size(bootdisk.Root, m.slot())
	f.Tree, e2 = m.size(bootdisk.Verity, m.slot())
	return f, errors.Join(e1, e2)
}

// record has work done with the record of slots, which nobody else has meanwhile.
func (m *Machine) record(work func(*bootdisk.Record) error) error {
	return bootdisk.With(m.Running.Record, work)
}

// bases are root and hash tree of the slot that runs, as far as they have a system. The
// caller closes the files.
func (m *Machine) bases() (all []Base, files []*os.File, err error) {
	s := m.slot().Other()
	tree, err := m.partition(bootdisk.Verity, s, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, tree)
	head := make([]byte, verity.Block)
	if _, err := tree.ReadAt(head, 0); err != nil {
		return nil, files, fmt.Errorf("the hash tree of slot %v: %w", s, err)
	}
	t, err := verity.Superblock(head)
	if err != nil {
		return nil, files, fmt.Errorf("slot %v: %w", s, err)
	}
	root, err := m.partition(bootdisk.Root, s, os.O_RDONLY)
	if err != nil {
		return nil, files, err
	}
	files = append(files, root)
	return []Base{{root, int64(t.Blocks) * verity.Block}, {tree, t.Size()}}, files, nil
}

// needsState says whether text of a release names the disk by its GUID, which a machine that
// was booted without one cannot say.
func (m *Machine) needsState(form []byte) error {
	if m.State == "" && strings.Contains(string(form), manifest.StateWord) {
		return errors.New("this machine's own boot entry does not name its disk, and that of the release wants it named; a release for Secure Boot fits this machine")
	}
	return nil
}
