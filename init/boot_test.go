package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/agent"
	"clarityos/services/control"
)

// limit bounds every wait of these tests.
const limit = time.Minute

// machine is a booted image with a few questions to it.
type machine struct {
	*qemu.TestMachine
	*testing.T
}

func (m machine) unit(name string) control.StatusReply {
	m.Helper()
	var r control.StatusReply
	// A failed unit makes the exit code 3, which is no failure here.
	text := m.MustShell(limit, "clarityctl --json status "+name+" || true")
	if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Units) != 1 {
		m.Fatalf("status of %s: %v: %s", name, err, text)
	}
	return r
}

func (m machine) becomes(name, active string) {
	m.Helper()
	m.Must(limit, m.Unit(name, active))
}

// shell runs a script that may fail.
func (m machine) shell(script string) agent.Result {
	m.Helper()
	res, err := m.Machine.Run(m.T.Context(), agent.Command{Args: []string{"/bin/sh", "-c", script}})
	if err != nil {
		m.Fatal(err)
	}
	return res
}

func (m machine) logs(unit, want string) {
	m.Helper()
	if err := m.Await(m.T.Context(), limit/6, m.Succeeds(fmt.Sprintf("clarityctl logs -u %s | grep -q '%s'", unit, want))); err != nil {
		m.Errorf("%v\n%s", err, m.MustShell(limit, "clarityctl logs -u "+unit))
	}
}

// TestSmall boots one small image and holds PID 1 to its rules there.
func TestSmall(t *testing.T) {
	img, _, err := images.Build(t.Context(), "testdata/clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(2*limit, tm.AgentReady())
	tm.MustShell(limit, "clarityctl wait --timeout 60s")
	boot, err := tm.BootID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(machine)
	}{
		{"PID 1's memory", memory},
		{"the chart of the boot", bootChart},
		{"clarityctl", tools},
		{"live properties", liveProperties},
		{"events as they happen", follows},
		{"waits that say what for", waits},
		{"every signal", everySignal},
		{"orphans are reaped", orphans},
		{"forking with a PID file", forking},
		{"readiness holds back what needs it", readiness},
		{"directories and environment", directories},
		{"TERM ignored", termIgnored},
		{"start limit", startLimit},
		{"a plan compiled on the target", newPlan},
		{"a plan that does not hold", badPlan},
		{"/run full", runFull},
		{"garbage on the control socket", garbage},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(machine{tm.In(t), t})
			now, err := tm.BootID(t.Context())
			if err != nil || now != boot {
				t.Fatalf("the machine has booted again: %v", err)
			}
		})
	}
}

// Only those that ask for the end mean something to PID 1; see init/pid1.go.
func everySignal(m machine) {
	m.MustShell(limit, `for s in 1 3 4 5 6 7 8 11 13 14 16 17 18 20 21 22 23 24 25 26 27 28 29 31 34 35 36 40 50 60 64; do
		kill -$s 1 || exit 1; kill -$s 1; kill -$s 1; done; clarityctl status`)
}

func orphans(m machine) {
	m.MustShell(limit, "/bin/forker -orphans")
	m.Must(limit, m.Succeeds(`! cat /proc/[0-9]*/stat | grep -q ') Z '`))
}

func forking(m machine) {
	r := m.unit("forker")
	if r.Units[0].Active != "active" || r.Units[0].MainPID < 2 {
		m.Errorf("%+v", r.Units[0])
	}
	res := m.shell("clarityctl start stray")
	if res.OK() || !strings.Contains(string(res.Stderr), "process 1 of /run/stray.pid is not one of the unit's") {
		m.Errorf("a PID file that names PID 1: %v %s", res, res.Stderr)
	}
}

func readiness(m machine) {
	started := make(chan error, 1)
	go func() {
		_, err := m.Machine.Run(m.T.Context(), agent.Command{Args: []string{"clarityctl", "start", "needs-notifier"}})
		started <- err
	}()
	m.Must(limit, m.Succeeds(`clarityctl why needs-notifier | grep -q 'waits for notifier.service to start'`))
	m.Must(limit, m.Succeeds(`clarityctl status notifier | grep -q 'waiting for /run/go'`))
	m.MustShell(limit, "touch /run/go")
	m.becomes("needs-notifier.service", "active")
	if err := <-started; err != nil {
		m.Error(err)
	}
	m.MustShell(limit, "clarityctl restart notifier")
	m.becomes("needs-notifier.service", "active")
	m.MustShell(limit, "clarityctl stop notifier")
	m.becomes("needs-notifier.service", "inactive")
}

func directories(m machine) {
	m.MustShell(limit, "clarityctl start directories")
	for _, want := range []string{"file unit /run/one:/run/two/three", "^.* 65534$", "word file x y", "drwxr-x--- nobody nogroup .* one$", "drwxr-xr-x nobody nogroup .* state$"} {
		m.logs("directories", want)
	}
	m.MustShell(limit, "clarityctl stop directories")
	m.Must(limit, m.Succeeds("[ ! -e /run/one ] && [ -d /var/lib/state ]"))
}

func termIgnored(m machine) {
	m.MustShell(limit, "clarityctl start stubborn; clarityctl stop stubborn")
	r := m.unit("stubborn")
	if u := r.Units[0]; u.Active != "failed" || u.Result != "timeout" || !strings.Contains(u.Cause, "did not end within 1s after signal 15") {
		m.Errorf("%+v", u)
	}
	m.MustShell(limit, "clarityctl reset-failed stubborn")
}

func startLimit(m machine) {
	m.shell("clarityctl start dying")
	m.becomes("dying.service", "failed")
	if u := m.unit("dying").Units[0]; u.Result != "start-limit-hit" {
		m.Errorf("%+v", u)
	}
	m.MustShell(limit, "clarityctl reset-failed dying")
}

func newPlan(m machine) {
	m.MustShell(limit, `printf '[Service]\nExecStart=/bin/sleep 1000\n' > /etc/systemd/system/late.service`)
	if res := m.shell("clarityctl start late"); res.Code != 5 {
		m.Errorf("a unit that is in no plan yet: %v %s", res, res.Stderr)
	}
	before := m.unit("steady").Units[0].MainPID
	m.MustShell(limit, "clarityctl reload-plan; clarityctl start late")
	m.becomes("late.service", "active")
	if after := m.unit("steady").Units[0].MainPID; after != before {
		m.Errorf("steady.service was process %d and is %d", before, after)
	}
	m.MustShell(limit, "rm /etc/systemd/system/late.service; clarityctl reload-plan; clarityctl stop late")
}

// When the compiler fails, the plan in use stays.
func badPlan(m machine) {
	res := m.shell("cd /usr/lib/clarity; mv plan plan.away; mv plan.spare spare.away; clarityctl reload-plan; s=$?; mv plan.away plan; mv spare.away plan.spare; exit $s")
	if res.Code != 1 || !strings.Contains(string(res.Stderr), "the plan in use stays") {
		m.Errorf("%v %s", res, res.Stderr)
	}
	m.MustShell(limit, "clarityctl restart steady")
}

// With no room in /run PID 1 stays and answers, and what it could not do then it
// can do once there is room again.
func runFull(m machine) {
	m.shell("dd if=/dev/zero of=/run/filler bs=65536 count=100000 2>/dev/null; dd if=/dev/zero of=/run/filler2 bs=4096 count=1000 2>/dev/null")
	m.MustShell(limit, "clarityctl status")
	m.shell("clarityctl restart steady directories")
	m.MustShell(limit, "rm -f /run/filler /run/filler2; clarityctl restart directories; clarityctl stop directories; clarityctl restart steady")
}

func garbage(m machine) {
	noise := bytes.Repeat([]byte("\x00\xff{\"method\":[[[[\x00"), 4000)
	if err := m.PushBytes(m.T.Context(), "/tmp/noise", 0o600, noise); err != nil {
		m.Fatal(err)
	}
	m.MustShell(limit, "i=0; while [ $i -lt 20 ]; do netcat -U /run/clarity/control < /tmp/noise >/dev/null 2>&1; i=$((i+1)); done; clarityctl status")
}

// The budget of the issue: at most 8 MB in all, 3 MB of them anonymous.
func memory(m machine) {
	text := m.MustShell(limit, "cat /proc/1/status")
	var rss, anon int
	for line := range strings.Lines(text) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &rss)
		_, _ = fmt.Sscanf(line, "RssAnon: %d", &anon)
	}
	m.Logf("PID 1: %d kB resident, %d kB of them anonymous", rss, anon)
	if rss == 0 || rss > 8<<10 || anon > 3<<10 {
		m.Errorf("PID 1 has %d kB resident, %d kB of them anonymous", rss, anon)
	}
}
