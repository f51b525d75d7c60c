// Package demo_test boots the demo and talks to it from outside, over the ports
// that QEMU forwards, as whoever uses it would.
package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/agent"
	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// Limits of waits. Nothing is expected to take so long: they are for what is
// broken, on a machine that is busy.
const (
	buildLimit = 10 * time.Minute
	bootLimit  = 5 * time.Minute
	limit      = 2 * time.Minute
)

// build builds the demo with the choices, for a root that logs in with the key.
func build(t *testing.T, o images.Override, key string) *images.Image {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildLimit)
	defer cancel()
	dir := t.TempDir()
	public, err := exec.CommandContext(ctx, "ssh-keygen", "-y", "-f", key).Output()
	if err != nil {
		t.Fatalf("the public half of %s: %v", key, err)
	}
	img, _, err := images.Build(ctx, "clarity.toml", images.Options{
		Override: o, Out: dir, Lock: filepath.Join(dir, "clarity.lock"), Fast: true, AuthorizedKeys: []string{string(public)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// newKey makes a key for SSH and returns its file.
func newKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput()
	if err != nil {
		t.Fatalf("make a key with ssh-keygen, which `make deps` installs: %v\n%s", err, out)
	}
	return key
}

// demo is a machine that runs the demo, for one test or subtest.
type demo struct {
	*qemu.TestMachine
	*testing.T
	key string // file with the private key of root
}

// boot starts the demo with a data disk in the file and waits until the boot is
// complete.
func boot(t *testing.T, img *images.Image, key, disk string) demo {
	t.Helper()
	d := demo{qemu.ForTest(t, qemu.Config{Image: img, Disk: disk, DiskSize: img.DataSize}), t, key}
	d.complete()
	return d
}

// sub runs a subtest on the machine.
func (d demo) sub(name string, test func(d demo)) {
	d.T.Run(name, func(t *testing.T) { test(demo{d.In(t), t, d.key}) })
}

// complete waits until the boot is complete, with every enabled unit up.
func (d demo) complete() {
	d.Helper()
	d.Must(bootLimit, d.AgentReady())
	if out, code := d.ctl("wait"); code != 0 {
		list, _ := d.ctl("list")
		d.Fatalf("clarityctl wait exits with %d:\n%s\n%s", code, out, list)
	}
}

// reboot has the guest reboot, and waits until it is up.
func (d demo) reboot() {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), bootLimit)
	defer cancel()
	if err := d.Reboot(ctx); err != nil {
		d.Fatal(err)
	}
	d.complete()
}

// powerOff has the guest power off.
func (d demo) powerOff() {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), limit)
	defer cancel()
	if err := d.PowerOff(ctx); err != nil {
		d.Fatal(err)
	}
}

// powerOn switches the machine on again and waits until it is up.
func (d demo) powerOn() {
	d.Helper()
	if err := d.PowerOn(); err != nil {
		d.Fatal(err)
	}
	d.complete()
}

// ctl runs clarityctl in the guest, and returns what it says and its exit code.
func (d demo) ctl(args ...string) (out string, code int) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), bootLimit)
	defer cancel()
	res, err := d.Machine.Run(ctx, agent.Command{Args: append([]string{"clarityctl"}, args...)})
	if err != nil {
		d.Fatalf("clarityctl %s: %v", strings.Join(args, " "), err)
	}
	return string(res.Stdout) + string(res.Stderr), res.Code
}

// view is the state of a unit.
func (d demo) view(ctx context.Context, unit string) (supervisor.View, error) {
	res, err := d.Machine.Run(ctx, agent.Command{Args: []string{"clarityctl", "--json", "status", unit}})
	if err != nil {
		return supervisor.View{}, err
	}
	var r control.StatusReply
	if err := json.Unmarshal(res.Stdout, &r); err != nil || len(r.Units) != 1 {
		return supervisor.View{}, errors.Join(err, errors.New(res.String()))
	}
	return r.Units[0], nil
}

// units are all units of the guest.
func (d demo) units() []supervisor.View {
	d.Helper()
	out, _ := d.ctl("--json", "list", "--all")
	var r control.StatusReply
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		d.Fatalf("clarityctl list: %v in %s", err, out)
	}
	return r.Units
}

// unit is the state of one unit.
func (d demo) unit(name string) supervisor.View {
	d.Helper()
	v, err := d.view(d.T.Context(), name)
	if err != nil {
		d.Fatal(err)
	}
	return v
}
