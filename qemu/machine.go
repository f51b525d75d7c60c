package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"time"

	"clarityos/images"
	"clarityos/qemu/agent"
)

// powerOnLimit is how long QEMU itself may take until it answers, before the
// guest's first instruction.
const powerOnLimit = 30 * time.Second

// Machine is a virtual machine: a power switch, a console and a disk. The
// power may be cut and come back; what is on the disk stays. All methods may
// be called at the same time, except PowerOn, CutPower and Close.
type Machine struct {
	ctx     context.Context
	stop    context.CancelFunc
	cfg     Config
	program string
	threads string // of TCG
	console *Console

	mu    sync.Mutex
	on    *process // the current one or, with the power off, the last one
	agent *agent.Client
	qmp   *qmp
	fired int // times that the watchdog fired, in all
}

// Start makes a machine and switches it on. When ctx ends, its power is cut.
// The caller must call Close.
func Start(ctx context.Context, cfg Config) (*Machine, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	cfg.Accel, err = thisHost(ctx, cfg).choose(cfg.Accel, cfg.Image.Arch, cfg.CountInstructions)
	if err != nil {
		return nil, fmt.Errorf("start image %s: %w", cfg.Image.Name, err)
	}
	program, err := exec.LookPath(platforms[cfg.Image.Arch].program)
	if err != nil {
		return nil, fmt.Errorf("start image %s: %w; `make deps` installs it", cfg.Image.Name, err)
	}
	if cfg.Disk != "" {
		if err := PrepareDisk(cfg.Disk, cfg.DiskSize); err != nil {
			return nil, fmt.Errorf("start image %s: %w", cfg.Image.Name, err)
		}
	}
	if cfg.BootDisk != "" {
		if err := platforms[cfg.Image.Arch].prepareVariables(cfg.BootDisk, cfg.BootBy); err != nil {
			return nil, fmt.Errorf("start image %s: %w", cfg.Image.Name, err)
		}
	}
	console, err := newConsole(cfg.Console, cfg.Echo)
	if err != nil {
		return nil, fmt.Errorf("start image %s: %w", cfg.Image.Name, err)
	}
	version, _ := exec.CommandContext(ctx, program, "--version").Output() // "": of unknown age
	ctx, stop := context.WithCancel(ctx)
	m := &Machine{ctx: ctx, stop: stop, cfg: cfg, program: program, threads: threads(string(version)), console: console}
	if err := m.PowerOn(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// PowerOn switches the machine on, after CutPower or after the guest powered
// off. Forwards keep their ports.
func (m *Machine) PowerOn() error {
	if m.Running() {
		return fmt.Errorf("power on image %s: it is on already", m.cfg.Image.Name)
	}
	m.console.beginBoot()
	cfg := m.cfg
	if info, err := os.Stat(cfg.BootLog); err == nil {
		cfg.logGoesOn = info.Size() > 0
	}
	p, err := launch(m.program, arguments(cfg, m.threads), m.console)
	if err != nil {
		return fmt.Errorf("power on image %s: %w", m.cfg.Image.Name, err)
	}
	context.AfterFunc(m.ctx, p.kill)
	m.mu.Lock()
	m.on = p
	m.agent = agent.NewClient(p.agent)
	m.qmp = newQMP(p.qmp, m.event)
	m.mu.Unlock()

	ctx, cancel := context.WithTimeout(m.ctx, powerOnLimit)
	defer cancel()
	err = m.qmp.greet(ctx)
	if err == nil {
		err = m.learnPorts(ctx)
	}
	if err != nil {
		p.kill()
		return fmt.Errorf("power on image %s: %w", m.cfg.Image.Name, errors.Join(p.ending(), err))
	}
	return nil
}

// event folds what QEMU tells into the state.
func (m *Machine) event(e qmpEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Name {
	case "RESET":
		m.console.beginBoot()
	case "WATCHDOG":
		m.fired++
	}
}

// hostForward matches a line of QEMU's `info usernet`.
var hostForward = regexp.MustCompile(`TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)`)

// learnPorts asks QEMU which ports it drew for the forwards without one.
func (m *Machine) learnPorts(ctx context.Context) error {
	answer, err := m.qmp.run(ctx, "human-monitor-command", map[string]string{"command-line": "info usernet"})
	if err != nil {
		return err
	}
	var text string
	if err := json.Unmarshal(answer, &text); err != nil {
		return fmt.Errorf("QMP info usernet: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, match := range hostForward.FindAllStringSubmatch(text, -1) {
		host, _ := strconv.Atoi(match[1]) // digits, by the expression
		guest, _ := strconv.Atoi(match[2])
		for i := range m.cfg.Forwards {
			if m.cfg.Forwards[i].Guest == guest {
				m.cfg.Forwards[i].Host = host
			}
		}
	}
	for _, f := range m.cfg.Forwards {
		if f.Host == 0 {
			return fmt.Errorf("QEMU forwards no port to the guest's port %d; it says: %s", f.Guest, text)
		}
	}
	return nil
}

// Forwards returns the forwards with the ports that are in use.
func (m *Machine) Forwards() []images.Forward {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]images.Forward(nil), m.cfg.Forwards...)
}

// Address returns where 127.0.0.1 reaches a TCP port of the guest, such as
// "127.0.0.1:40213", or "" if it is not forwarded.
func (m *Machine) Address(guestPort int) string {
	for _, f := range m.Forwards() {
		if f.Guest == guestPort {
			return fmt.Sprintf("127.0.0.1:%d", f.Host)
		}
	}
	return ""
}

// Accel returns how the guest's instructions are run: TCG or KVM.
func (m *Machine) Accel() Accel { return m.cfg.Accel }

// Console returns what the machine has written to its console.
func (m *Machine) Console() *Console { return m.console }

// Type writes to the guest's console as a keyboard would.
func (m *Machine) Type(text []byte) error {
	m.mu.Lock()
	p := m.on
	m.mu.Unlock()
	if _, err := p.console.Write(text); err != nil {
		return fmt.Errorf("type on the console of %s: %w", m.cfg.Image.Name, err)
	}
	return nil
}

// Running reports whether the power is on.
func (m *Machine) Running() bool {
	m.mu.Lock()
	p := m.on
	m.mu.Unlock()
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Off returns a channel that is closed when the power goes off.
func (m *Machine) Off() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on.done
}

// Ending says how QEMU ended: nil for a power-off by the guest. The power must
// be off.
func (m *Machine) Ending() error {
	m.mu.Lock()
	p := m.on
	m.mu.Unlock()
	<-p.done
	return p.ending()
}

// WatchdogFired returns how often the guest's watchdog has reset it.
func (m *Machine) WatchdogFired() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fired
}

// CutPower ends the machine without a warning. What the guest had not written
// to its disk is lost. It does nothing when the power is off.
func (m *Machine) CutPower() { m.on.kill() }

// Reset presses the reset button.
func (m *Machine) Reset(ctx context.Context) error { return m.control(ctx, "system_reset", nil) }

// PressPower presses the power button, which the guest may heed.
func (m *Machine) PressPower(ctx context.Context) error {
	return m.control(ctx, "system_powerdown", nil)
}

// PlugIn attaches a file, which is not written to, as another disk while the machine is on; at the
// next boot it is gone. Amd64 can do that.
func (m *Machine) PlugIn(ctx context.Context, path string) error {
	const name = "stick"
	err := m.control(ctx, "blockdev-add", map[string]any{
		"driver": "raw", "node-name": name, "read-only": true, "file": map[string]any{"driver": "file", "filename": path, "read-only": true},
	})
	if err != nil {
		return err
	}
	return m.control(ctx, "device_add", map[string]string{"driver": "virtio-blk-pci", "drive": name, "id": name})
}

func (m *Machine) control(ctx context.Context, command string, arguments any) error {
	m.mu.Lock()
	q := m.qmp
	m.mu.Unlock()
	_, err := q.run(ctx, command, arguments)
	return err
}

// Close cuts the power and removes what the machine does not leave behind. The
// console can not be read afterwards.
func (m *Machine) Close() error {
	if m.on != nil {
		m.on.kill()
		m.agent.Close()
	}
	m.stop()
	return m.console.close()
}
