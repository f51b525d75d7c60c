// Package learntest boots images of daemons that use each other, and holds the
// learning component to what is known of them.
package learntest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/bus"
)

// limit bounds every wait.
const limit = 40 * time.Second

type machine struct {
	*qemu.TestMachine
	*testing.T
}

// says waits until what a command prints satisfies a check.
func (m machine) says(command string, check func(out string) error) {
	m.Helper()
	m.Must(limit, qemu.Eventually("the right answer to "+command, func(ctx context.Context) error {
		res, err := m.Shell(ctx, command)
		if err != nil {
			return err
		}
		return check(string(res.Stdout) + string(res.Stderr))
	}))
}

func has(want ...string) func(string) error {
	return func(out string) error {
		for _, w := range want {
			if !strings.Contains(out, w) {
				return fmt.Errorf("no %q in %.3000q", w, out)
			}
		}
		return nil
	}
}

func TestLearn(t *testing.T) {
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(limit, tm.AgentReady())
	m := machine{tm, t}
	m.MustShell(limit, "clarityctl wait --timeout 120s")
	m.MustShell(limit, "clarityctl start local")
	m.Run("all hooks are live and the reader is small", small)
	m.Run("who uses what", used)
	m.Run("a reader that is killed misses nothing", killed)
}

func (m machine) Run(name string, test func(machine)) {
	m.T.Run(name, func(t *testing.T) { test(machine{m.In(t), t}) })
}

// uses are those of the image's own units, as the bus has them.
func (m machine) uses(ctx context.Context) ([]string, error) {
	res, err := m.Shell(ctx, "clarityctl events --topic dependency.use --json")
	if err != nil {
		return nil, err
	}
	var out []string
	for dec := json.NewDecoder(strings.NewReader(string(res.Stdout))); dec.More(); {
		var msg bus.Message
		if err := dec.Decode(&msg); err != nil {
			return nil, err
		}
		b, err := bus.Decode(msg)
		if err != nil {
			return nil, err
		}
		if u := b.(*bus.DependencyUse); !strings.HasPrefix(u.Unit, "clarity-") {
			out = append(out, u.Use)
		}
	}
	slices.Sort(out)
	return out, nil
}

// sees waits until the uses are these and no others.
func (m machine) sees(want ...string) {
	m.Helper()
	m.Must(limit, qemu.Eventually("the uses that there are", func(ctx context.Context) error {
		got, err := m.uses(ctx)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			return fmt.Errorf("%w: %s", err, d)
		}
		return nil
	}))
}

var truth = []string{
	"early.service redis-server.service tcp:127.0.0.1:6379 steady",
	"local.service redis-server.service unix:/run/redis/redis-server.sock start",
}

func used(m machine) {
	m.sees(truth...)
	m.says("clarityctl learn status", has("tcp:0.0.0.0:6379                 redis-server.service", "unix:/run/redis/redis-server.sock redis-server.service"))
	m.MustShell(limit, "clarityctl stop early redis-server")
	m.says("clarityctl learn status", func(out string) error {
		if strings.Contains(out, "6379") {
			return fmt.Errorf("redis is down and still listens: %s", out)
		}
		return nil
	})
	m.MustShell(limit, "clarityctl start redis-server early")
	m.says("clarityctl learn status", has("tcp:0.0.0.0:6379"))
}

// killed kills the component while something new happens.
func killed(m machine) {
	m.MustShell(limit, "kill -STOP $(clarityctl show clarity-learn -p MainPID --value)")
	m.MustShell(limit, "clarityctl start late")
	m.MustShell(limit, "clarityctl kill -s KILL clarity-learn")
	m.sees(append(slices.Clone(truth[:1]), "late.service redis-server.service tcp:127.0.0.1:6379 start", truth[1])...)
}

// small is what the kernel says of the reader; the programs are the kernel's.
func small(m machine) {
	m.says("clarityctl learn status", has("9 live", "0 of these lost"))
	m.says("grep ^Pss: /proc/$(clarityctl show clarity-learn -p MainPID --value)/smaps_rollup", func(out string) error {
		var kb int
		if _, err := fmt.Sscanf(out, "Pss: %d kB", &kb); err != nil {
			return fmt.Errorf("%q: %w", out, err)
		}
		m.Logf("the reader has %d kB PSS", kb)
		if kb > 12<<10 {
			return fmt.Errorf("the reader has %d kB PSS", kb)
		}
		return nil
	})
	m.Log(m.MustShell(limit, "clarityctl blame | head -20; clarityctl learn status"))
}
