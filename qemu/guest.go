package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"

	"clarityos/qemu/agent"
)

func (m *Machine) client() *agent.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.agent
}

// Run runs a command in the guest, as root, once its agent answers. A command
// that fails is a Result, one that could not be run an error.
func (m *Machine) Run(ctx context.Context, cmd agent.Command) (agent.Result, error) {
	return m.client().Run(ctx, cmd)
}

// Shell runs a script by the guest's /bin/sh.
func (m *Machine) Shell(ctx context.Context, script string) (agent.Result, error) {
	return m.Run(ctx, agent.Command{Args: []string{"/bin/sh", "-c", script}})
}

// JSON runs a script by the guest's /bin/sh that prints JSON, which is put into v.
func (m *Machine) JSON(ctx context.Context, script string, v any) error {
	res, err := m.Shell(ctx, script)
	if err == nil {
		err = json.Unmarshal(res.Stdout, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", script, err)
	}
	return nil
}

// Fetch reads a file of the guest.
func (m *Machine) Fetch(ctx context.Context, path string) ([]byte, error) {
	return m.client().Fetch(ctx, path)
}

// Push writes a file of the guest, whole or not at all.
func (m *Machine) Push(ctx context.Context, path string, mode fs.FileMode, content io.Reader) error {
	return m.client().Push(ctx, path, mode, content)
}

// PushBytes is Push for content that is at hand.
func (m *Machine) PushBytes(ctx context.Context, path string, mode fs.FileMode, content []byte) error {
	return m.Push(ctx, path, mode, bytes.NewReader(content))
}

// Reboot has the guest reboot in good order and returns when the agent of its
// next boot answers.
func (m *Machine) Reboot(ctx context.Context) error {
	if err := m.reboot(ctx); err != nil {
		return fmt.Errorf("reboot image %s: %w", m.cfg.Image.Name, err)
	}
	return nil
}

func (m *Machine) reboot(ctx context.Context) error {
	before, err := m.client().Ready(ctx)
	if err != nil {
		return err
	}
	// Under QEMU 7.2's TCG some kernels took minutes to unpack their initramfs after a reset,
	// most likely since it looks at each byte that is written over what it has translated of
	// the boot before.
	anew := m.cfg.Accel == TCG
	if anew {
		if err := m.control(ctx, "set-action", map[string]string{"reboot": "shutdown"}); err != nil {
			return err
		}
	}
	res, told := m.Run(ctx, agent.Command{Args: []string{"clarityctl", "reboot"}})
	// The order may take effect before its answer is on its way.
	if told == nil && !res.OK() {
		return fmt.Errorf("clarityctl reboot: %v", res)
	}
	if anew {
		if err = m.PoweredOff().Wait(ctx); err == nil {
			err = m.Ending()
		}
		if err == nil {
			err = m.PowerOn()
		}
	}
	if err == nil {
		err = m.await(ctx, m.NextBoot(before))
	}
	if err != nil && told != nil {
		return fmt.Errorf("%w (%v)", err, told)
	}
	return err
}

// PowerOff has the guest power off in good order and returns when it is off.
func (m *Machine) PowerOff(ctx context.Context) error {
	res, err := m.Run(ctx, agent.Command{Args: []string{"clarityctl", "poweroff"}})
	if err == nil && !res.OK() {
		return fmt.Errorf("power off image %s: clarityctl poweroff: %v", m.cfg.Image.Name, res)
	}
	if werr := m.PoweredOff().Wait(ctx); werr != nil {
		if err != nil {
			werr = fmt.Errorf("%w (%v)", werr, err)
		}
		return fmt.Errorf("power off image %s: %w", m.cfg.Image.Name, werr)
	}
	return m.Ending()
}
