// Package learntest boots images of daemons that use each other, and holds the
// learning component to what is known of them.
package learntest

import (
	"context"
	"encoding/json"
	"errors"
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
const limit = 3 * time.Minute

type machine struct {
	*qemu.TestMachine
	*testing.T
}

// says waits until what a command prints is right.
func (m machine) says(command string, check qemu.Check) {
	m.Helper()
	m.Must(limit, m.Prints(command, check))
}

// TestLearn is on the kernel that images have by default, TestKernels on others.
func TestLearn(t *testing.T) { attacked(learns(t, images.Override{}, "6.12.")) }

// attacked takes minutes: on all kernels in the full tier only.
func attacked(m machine) { m.Run("a hostile service costs little and hides nobody", hostile) }

func TestKernels(t *testing.T) {
	t.Run("Debian 12", func(t *testing.T) { further(learns(t, images.Override{Kernel: "debian:bookworm-cloud"}, "6.1.")) })
	t.Run("arm64", func(t *testing.T) { further(learns(t, images.Override{Arch: "arm64"}, "6.12.")) })
}

func learns(t *testing.T, override images.Override, release string) machine {
	m := boot(t, override, "")
	m.says("uname -r", qemu.Has(release))
	m.MustShell(limit, "clarityctl start local")
	m.Run("the hooks are live and the reader is small", small)
	m.Run("who uses what", used)
	m.Run("what units were seen to do", acted)
	m.Run("devices and addresses", hardware)
	m.Run("a reader that is killed misses nothing", killed)
	return m
}

// Where functions cannot be watched by trampolines, as on arm64 before 6.4, probes
// see the same.
func TestProbes(t *testing.T) {
	m := boot(t, images.Override{}, "clarity.learn=probes")
	m.says("clarityctl learn status", qemu.Has("probed    ", "unix_binds", "hooks     16 live"))
	m.MustShell(limit, "clarityctl start local")
	m.Run("who uses what", used)
}

// A boot that is confirmed has the hooks loaded when it is complete. Names are there
// before, and who was connected then is found all the same.
func TestConfirmed(t *testing.T) {
	m := boot(t, images.Override{Overlays: []string{"named.toml"}}, "clarity.learn=confirmed")
	m.says("redis-cli get found", qemu.Has("by-name")) // names are there before the boot is complete
	m.says("clarityctl learn status", qemu.Has("hooks     37 live"))
	m.MustShell(limit, "clarityctl stop clarity-learn; rm -r /sys/fs/bpf/clarity /run/clarity/learn.hooks; clarityctl start listener")
	m.says("redis-cli pubsub numsub news", qemu.Has("2"))
	m.MustShell(limit, "clarityctl start clarity-learn")
	m.says("clarityctl events --topic dependency.use", qemu.Has("listener.service redis-server.service tcp:127.0.0.1:6379 start", "listener.service redis-server.service unix:/run/redis/redis-server.sock start"))
}

// Without hooks, here since the kernel lets nobody read its memory, the boot is as
// declared, says so, and sockets are looked up, with who stays connected to them.
func TestWithoutHooks(t *testing.T) {
	m := boot(t, images.Override{}, "lockdown=confidentiality")
	m.says("clarityctl learn status", qemu.Has("hooks     0 live", "sockets are looked up every", "unix:/run/redis/redis-server.sock redis-server.service"))
	m.MustShell(limit, "clarityctl stop early redis-server")
	m.says("clarityctl learn status", qemu.HasNot("6379"))
	m.MustShell(limit, "clarityctl start redis-server")
	m.says("clarityctl learn status", qemu.Has("tcp:0.0.0.0:6379                 redis-server.service"))
	m.MustShell(limit, "clarityctl start listener")
	m.sees("listener.service redis-server.service tcp:127.0.0.1:6379 start", "listener.service redis-server.service unix:/run/redis/redis-server.sock start")
	m.MustShell(limit, "clarityctl stop redis-server")
	m.says("clarityctl services", qemu.HasNot("6379"))
}

func acted(m machine) {
	m.MustShell(limit, "clarityctl start signals greedy")
	m.says("clarityctl learn acts signals", qemu.Has("executed /bin/sh", "sent SIGCONT to redis-server.service", "a process ended status 0"))
	m.says("clarityctl learn acts redis-server", qemu.Has("executed /usr/bin/redis-server", "got SIGCONT from signals.service"))
	m.says("clarityctl learn acts greedy", qemu.Has("a process was killed out of memory", "a process ended SIGKILL"))
}

// What the machine gets and loses is told as it happens, and who did it is known.
func hardware(m machine) {
	m.MustShell(limit, "clarityctl events --topic hardware.change --json -f >/run/changes 2>&1 & modprobe dummy")
	m.says("clarityctl learn acts clarity-agent", qemu.Has("loaded module dummy", "made network device dummy0"))
	m.says("ip addr add 192.0.2.9/24 dev dummy0; ip addr del 192.0.2.9/24 dev dummy0; cat /run/changes", qemu.Has(
		`"action":"add","subsystem":"address","device":"dummy0 192.0.2.9/24"`, `"action":"remove","subsystem":"address"`))
	m.says("rmmod dummy; modprobe dummy; cat /run/changes", qemu.Has(`"action":"add","subsystem":"net","device":"/devices/virtual/net/dummy0"`, `"action":"remove","subsystem":"net"`))
	m.MustShell(limit, "kill $(pidof clarityctl)")
}

func boot(t *testing.T, override images.Override, add string) machine {
	t.Helper()
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true, Override: override})
	if err != nil {
		t.Fatal(err)
	}
	m := machine{qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true, Append: add}), t}
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 120s")
	return m
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
		if err != nil {
			return err
		}
		if d := cmp.Diff(want, got); d != "" {
			return errors.New(d)
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
	m.says("clarityctl learn status", qemu.Has("tcp:0.0.0.0:6379                 redis-server.service", "unix:/run/redis/redis-server.sock redis-server.service"))
	m.says("clarityctl services", qemu.Has("tcp:0.0.0.0:6379 ", "redis-server.service", "since "))
	m.MustShell(limit, "clarityctl start second")
	m.says("clarityctl services", qemu.Has("conflict: second.service wants tcp:127.0.0.1:6379, which redis-server.service has"))
	m.MustShell(limit, "clarityctl stop second early redis-server")
	m.says("clarityctl services", qemu.HasNot("6379")) // nobody listens any more, or wants to
	m.MustShell(limit, "clarityctl start redis-server early")
	m.says("clarityctl learn status", qemu.Has("tcp:0.0.0.0:6379"))
}

// killed kills the component while something new happens.
func killed(m machine) {
	m.MustShell(limit, "kill -STOP $(clarityctl show clarity-learn -p MainPID --value)")
	m.MustShell(limit, "clarityctl start late")
	m.MustShell(limit, "clarityctl kill -s KILL clarity-learn")
	m.sees(truth[0], late, truth[1])
	// One that finds programs of another generation alone brings its own, and then
	// takes those away.
	m.MustShell(limit, "rm /run/clarity/learn.hooks; mkdir /sys/fs/bpf/clarity/other; mv /sys/fs/bpf/clarity/[0-9a-f]*[0-9a-f]/link_execs /sys/fs/bpf/clarity/other/")
	m.MustShell(limit, "clarityctl kill -s KILL clarity-learn")
	m.says("clarityctl learn status", qemu.Has("hooks     37 live"))
	m.says("ls /sys/fs/bpf/clarity", qemu.HasNot("other"))
	m.says("ls /sys/fs/bpf/clarity/*", qemu.Has("link_execs", "link_files_lsm"))
}

// What the ring has no room for is made good: here a service and its user start while
// nobody reads it.
func TestLost(t *testing.T) {
	m := boot(t, images.Override{}, "")
	m.MustShell(limit, "clarityctl stop redis-server early; kill -STOP $(clarityctl show clarity-learn -p MainPID --value); clarityctl start flood")
	m.MustShell(limit, "clarityctl start redis-server listener; until redis-cli pubsub numsub news | grep -q 2; do sleep 0.1; done; kill -CONT $(clarityctl show clarity-learn -p MainPID --value)")
	m.says("clarityctl events --topic dependency.use", qemu.Has("listener.service redis-server.service tcp:127.0.0.1:6379 start", "listener.service redis-server.service unix:/run/redis/redis-server.sock start"))
	m.says("clarityctl services", qemu.Has("tcp:0.0.0.0:6379 ", "unix:/run/redis/redis-server.sock"))
	m.says("clarityctl learn status", qemu.HasNot(" 0 of these lost"))
}

const late = "late.service redis-server.service tcp:127.0.0.1:6379 start"

// hostile opens 200,000 sockets. What others do then is seen: at once, or when they
// do it again, where the ring had no room.
func hostile(m machine) {
	m.MustShell(5*limit, "clarityctl start hostile") // a minute on a machine that is idle but for it
	m.says("clarityctl learn status", qemu.Has("for which there was no room"))
	m.Must(limit, qemu.Eventually("the uses that there are", func(ctx context.Context) error {
		if _, err := m.Shell(ctx, "clarityctl start again"); err != nil {
			return err
		}
		got, err := m.uses(ctx)
		if err != nil {
			return err
		}
		if want := strings.Replace(late, "late", "again", 1); !slices.Contains(got, want) {
			return fmt.Errorf("no %q in %q", want, got)
		}
		return nil
	}))
	m.sees(strings.Replace(late, "late", "again", 1), truth[0], late, truth[1])
	m.says("clarityctl show clarity-learn -p NRestarts", qemu.Has("NRestarts=2")) // by killed
	m.isSmall()
}

// small is what the kernel says of the reader; the programs are the kernel's.
func small(m machine) {
	m.says("clarityctl learn status", qemu.Has("hooks     37 live", "0 of these lost"))
	m.says("clarityctl learn status", qemu.HasNot("\nmissing "))
	m.isSmall()
}

func (m machine) isSmall() {
	m.Helper()
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
}
