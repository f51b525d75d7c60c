// Package bustest boots a small image and holds the message bus to its promises
// there.
package bustest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/bus"
	"clarityos/services/control"
)

// limit bounds every wait.
const limit = 2 * time.Minute

// kills is how often the component is killed.
const kills = 8

type machine struct {
	*qemu.TestMachine
	*testing.T
}

// says waits until what a command prints is right.
func (m machine) says(command string, check qemu.Check) {
	m.Helper()
	m.Must(limit, m.Prints(command, check))
}

func TestBus(t *testing.T) {
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(limit, tm.AgentReady())
	tm.MustShell(limit, "clarityctl wait --timeout 60s")
	for _, test := range []struct {
		name string
		run  func(machine)
	}{
		{"commands", commands},
		{"varlinkctl", varlinkctl},
		{"others than root", others},
		{"killed while units come and go", killed},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(machine{tm.In(t), t}) })
	}
}

func commands(m machine) {
	m.says("clarityctl events --topic 'unit.*' --topic boot.state", qemu.Has(
		`critical unit.state  {"unit":"steady.service","active":"active","phase":"running",`, `boot.state  {"system":"system","state":"running",`))
	m.MustShell(limit, "clarityctl events -f --topic 'local.**' --topic unit.job >/run/heard & echo $! >/run/follower")
	m.says("clarityctl bus stats", qemu.Has("clarityctl[", "local.** unit.job"))
	m.MustShell(limit, `clarityctl bus send local.test '{"n": 1}'`)
	m.MustShell(limit, "clarityctl restart steady")
	m.says("cat /run/heard", qemu.Has(`normal   local.test  {"n":1}`, `unit.job  {"unit":"steady.service","outcome":"done"}`))
	m.MustShell(limit, "kill $(cat /run/follower)")
	m.says("clarityctl bus send local.test '{'; echo $?", qemu.Has("is no JSON", "2"))
	m.says("clarityctl bus send nothing.known; echo $?", qemu.Has(`no topic "nothing.known"`, "1"))
	m.says("clarityctl events --topic 'a*'; echo $?", qemu.Has("selects no topics", "2"))
}

// The bus and PID 1 are services that systemd's own tool can talk to.
func varlinkctl(m machine) {
	for socket, name := range map[string]string{bus.Path: bus.Interface, control.Path: control.Interface} {
		m.says("varlinkctl info "+socket, qemu.Has("ClarityOS", name))
		m.says("varlinkctl introspect "+socket+" "+name, qemu.Has("interface "+name, "method "))
		m.says("varlinkctl introspect "+socket+" org.varlink.service", qemu.Has("GetInterfaceDescription"))
	}
	m.says("varlinkctl call "+bus.Path+" io.clarityos.Bus.Stats '{}'", qemu.Has(`"published"`))
	m.says("varlinkctl call "+bus.Path+` io.clarityos.Bus.Publish '{"messages":[{"topic":"local.v","body":{}}]}'`, qemu.Has(`"seqs"`))
	m.says("varlinkctl call "+control.Path+` io.clarityos.Control.Why '{"unit":"steady.service"}'`, qemu.Has("steady.service is active"))
}

// others hear what is for all, and may not publish.
func others(m machine) {
	m.says("clarityctl start other; clarityctl logs -u other -o cat", qemu.Has("unit.state", "only root may do that", "published"))
	m.says("clarityctl logs -u other -o cat", func(out string) error {
		if strings.Contains(out, "boot.message") {
			return fmt.Errorf("somebody else than root heard what PID 1 said: %s", out)
		}
		return nil
	})
}

// killed kills the bus while units come and go: what it says in the end is what
// PID 1 says.
func killed(m machine) {
	for range kills {
		m.says("clarityctl kill -s KILL clarity-bus && echo killed", qemu.Has("killed")) // once it is up again
		m.MustShell(limit, "clarityctl restart steady")
	}
	m.Must(limit, qemu.Eventually("the bus and PID 1 saying the same", func(ctx context.Context) error {
		res, err := m.Shell(ctx, "clarityctl list --all --json && clarityctl events --topic unit.state --json")
		if err != nil {
			return err
		}
		dec := json.NewDecoder(bytes.NewReader(res.Stdout))
		var list control.StatusReply
		if err := dec.Decode(&list); err != nil {
			return fmt.Errorf("%w: %s", err, res.Stderr)
		}
		phases := map[string]string{}
		for dec.More() {
			var msg bus.Message
			if err := dec.Decode(&msg); err != nil {
				return err
			}
			b, err := bus.Decode(msg)
			if err != nil {
				return err
			}
			phases[msg.Key] = b.(*bus.UnitState).Phase
		}
		for _, u := range list.Units {
			if phases[u.Name] != string(u.Phase) {
				return fmt.Errorf("%s is %s and the bus says %q", u.Name, u.Phase, phases[u.Name])
			}
			delete(phases, u.Name)
		}
		if len(phases) > 0 {
			return fmt.Errorf("the bus knows units that there are not: %v", phases)
		}
		return nil
	}))
	m.says("clarityctl show clarity-bus -p NRestarts", func(out string) error {
		var n int
		if _, err := fmt.Sscanf(out, "NRestarts=%d", &n); err != nil || n < kills {
			return fmt.Errorf("%q: %w", out, err)
		}
		return nil
	})
}
