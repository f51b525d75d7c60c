package main_test

import (
	"fmt"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/qemu"
)

// TestServices boots an image with a service for each thing that a unit can ask
// for, and looks whether it gets it.
func TestServices(t *testing.T) {
	img, _, err := images.Build(t.Context(), "testdata/services.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(2*limit, tm.AgentReady())
	tm.MustShell(limit, "clarityctl wait --timeout 60s")
	for _, test := range []struct {
		name string
		run  func(machine)
	}{
		{"notify-reload", notifyReload},
		{"s6 notification", notificationFD},
		{"a name on the bus", busName},
		{"watchdog", watchdogHit},
		{"RuntimeMaxSec", func(m machine) { m.ends("longest", "timeout", "RuntimeMaxSec=500ms") }},
		{"out of memory", outOfMemory},
		{"STOPPING and ERRNO", stopping},
		{"command prefixes", prefixes},
		{"ExecStopPost and OnFailure", stopPost},
		{"ExecCondition", func(m machine) {
			m.shell("clarityctl start skipped")
			if u := m.unit("skipped").Units[0]; u.Active != "inactive" || u.Result != "exec-condition" {
				m.Errorf("%+v", u)
			}
		}},
		{"scheduling and limits", scheduling},
		{"cgroup limits and slices", limits},
		{"delegation", delegation},
		{"a runtime directory that outlives restarts", keeps},
		{"input and output", inputOutput},
		{"log levels", logLevels},
		{"journal and console", func(m machine) {
			m.starts("shouts")
			m.logs("shouts", "hear this")
			m.Must(limit, m.ConsoleLine("herald: hear this"))
		}},
		{"a terminal", terminal},
		{"sockets", sockets},
		{"a socket that cannot be", badSockets},
		{"templates", templates},
		{"soft order", softOrder},
		{"health", health},
		{"relations", relations},
		{"backoff", backoff},
		{"FinalKillSignal", finalSignal},
		{"isolate", isolate},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(machine{tm.In(t), t}) })
	}
}

// starts starts a unit and waits until it is up.
func (m machine) starts(unit string) {
	m.Helper()
	m.MustShell(limit, "clarityctl start "+unit)
}

// ends starts a unit, which then fails with that result and cause.
func (m machine) ends(unit, result, cause string) {
	m.Helper()
	m.shell("clarityctl start " + unit)
	m.becomes(unit+".service", "failed")
	if u := m.unit(unit).Units[0]; string(u.Result) != result || !strings.Contains(u.Cause, cause) {
		m.Errorf("%s: %s, %q; want %s, %q", unit, u.Result, u.Cause, result, cause)
	}
	m.MustShell(limit, "clarityctl reset-failed "+unit)
}

// begins starts a unit without waiting for its job.
func (m machine) begins(unit string) { m.MustShell(limit, "clarityctl start --no-block "+unit) }

func (m machine) phase(unit, phase string) {
	m.Helper()
	m.Must(limit, m.Succeeds(fmt.Sprintf(`clarityctl --json status %s | grep -q '"phase": "%s"'`, unit, phase)))
}

func notifyReload(m machine) {
	m.starts("reloads")
	m.MustShell(limit, "clarityctl reload --no-block reloads")
	m.phase("reloads", "reload")
	m.MustShell(limit, "touch /run/reloaded")
	m.phase("reloads", "running")
	m.MustShell(limit, "clarityctl reload reloads; clarityctl stop reloads")
}

func notificationFD(m machine) {
	m.begins("s6")
	m.phase("s6", "start")
	m.MustShell(limit, "touch /run/s6-go")
	m.phase("s6", "running")
}

func busName(m machine) {
	m.begins("named")
	m.phase("named", "start-name")
	m.MustShell(limit, "touch /run/bus-go")
	m.phase("named", "running")
	m.becomes("dbus.service", "active")
	m.becomes("dbus.socket", "active")
}

// It says READY=1 and nothing more: its watchdog ends it again and again.
func watchdogHit(m machine) {
	m.starts("dog")
	m.logs("dog", "dog 1000000")
	m.Must(limit, m.Succeeds(`clarityctl why dog | grep -q 'restarted [1-9]'`))
	m.logs("dog", "did not say WATCHDOG=1 within 1s")
	m.MustShell(limit, "clarityctl stop dog")
}

func outOfMemory(m machine) {
	m.ends("hungry", "oom-kill", "want of memory")
	m.starts("child-hungry")
	m.logs("child-hungry", "went on")
	m.logs("child-hungry", "killed a process of it for want of memory")
	m.becomes("child-hungry.service", "active")
	m.MustShell(limit, "clarityctl stop child-hungry")
}

func stopping(m machine) {
	m.starts("stopping")
	m.MustShell(limit, "touch /run/stop-go")
	m.phase("stopping", "stop-sigterm")
	if u := m.unit("stopping").Units[0]; u.Errno != 5 {
		m.Errorf("%+v", u)
	}
	m.MustShell(limit, "touch /run/stop-gone")
	m.becomes("stopping.service", "inactive")
}

func prefixes(m machine) {
	m.starts("prefixes")
	for _, want := range []string{"plus x", "plain: uid 65534", "bang: uid 0", "full: uid 0", "literal $A"} {
		m.logs("prefixes", strings.ReplaceAll(want, "$", `\$`))
	}
	m.MustShell(limit, "clarityctl stop prefixes")
	m.logs("prefixes", "stopped")
	m.logs("prefixes", "post success")
}

func stopPost(m machine) {
	m.starts("post")
	m.MustShell(limit, "touch /run/post-go")
	m.becomes("post.service", "failed")
	m.logs("post", "post exit-code exited 7")
	boot := strings.ReplaceAll(strings.TrimSpace(m.MustShell(limit, "cat /proc/sys/kernel/random/boot_id")), "-", "")
	m.logs("tell@post.service.service", "told of post.service: post.service exit-code 7 boot "+boot)
	m.MustShell(limit, "clarityctl reset-failed post")
}

func scheduling(m machine) {
	m.starts("scheduled")
	for _, want := range []string{"policy 3 priority 0 nice 3 io 2:6 cpus 1 slack 123456 oom 77 umask 027 procs 100:200", "env 1"} {
		m.logs("scheduled", want)
	}
}

func limits(m machine) {
	m.starts("limited")
	for file, want := range map[string]string{
		"cpu.weight": "200", "cpu.max": "50000 100000", "memory.min": "1048576", "memory.low": "2097152", "memory.high": "52428800",
		"memory.swap.max": "1048576", "pids.max": "50", "cpuset.cpus": "0-1", "../memory.high": "104857600", "../cpu.weight": "50",
	} {
		at := "/sys/fs/cgroup/top.slice/top-inner.slice/limited.service/" + file
		if got := strings.TrimSpace(m.MustShell(limit, "cat "+at)); got != want {
			m.Errorf("%s is %q, want %q", file, got, want)
		}
	}
	m.MustShell(limit, `max=$(cat /sys/fs/cgroup/top.slice/top-inner.slice/limited.service/memory.max); test $max -gt 1000000`)
	m.logs("limited", "watch /sys/fs/cgroup/top.slice/top-inner.slice/limited.service/memory.pressure")
	m.becomes("top-inner.slice", "active")
	// The slice's end is that of all in it.
	m.MustShell(limit, "clarityctl stop top-inner.slice")
	m.becomes("limited.service", "inactive")
}

func delegation(m machine) {
	m.starts("delegated")
	m.logs("delegated", "made")
	m.logs("delegated", "0::/system.slice/delegated.service/main")
	// A signal to all reaches those of groups below.
	m.MustShell(limit, "clarityctl kill -s TERM delegated")
	m.becomes("delegated.service", "inactive")
	m.Must(limit, m.Succeeds("test ! -e /sys/fs/cgroup/system.slice/delegated.service"))
}

func keeps(m machine) {
	m.starts("keeps")
	m.Must(limit, m.Succeeds("test -e /run/keeps/mark"))
	m.MustShell(limit, "clarityctl kill -s KILL keeps")
	m.logs("keeps", "kept")
	m.MustShell(limit, "clarityctl stop keeps")
	m.Must(limit, m.Succeeds("test ! -e /run/keeps"))
}

func inputOutput(m machine) {
	m.MustShell(limit, "clarityctl start input; clarityctl start input")
	got := m.MustShell(limit, "cat /run/output /run/errors")
	if want := strings.Repeat("input \"first line\\nsecond\\tline\\n\"\nmore\n", 2) + "oops\n"; got != want {
		m.Errorf("%q, want %q", got, want)
	}
}

func logLevels(m machine) {
	m.starts("levels")
	m.logs("levels", "loud.*no prefix")
	m.logs("levels", "a warning")
	if text := m.MustShell(limit, "clarityctl --json logs -u levels"); strings.Contains(text, "too quiet") || !strings.Contains(text, `"PRIORITY":"3"`) {
		m.Error(text)
	}
}

func terminal(m machine) {
	m.starts("terminal")
	m.logs("terminal-maker", "size 33x77")
	m.MustShell(limit, "clarityctl stop terminal-maker")
}

// The first use starts the service; a kill of it loses neither the descriptors
// nor who waits at them.
func sockets(m machine) {
	m.becomes("web.socket", "active")
	m.becomes("web.service", "inactive")
	first := m.MustShell(limit, "talk dial=unix:/run/web/sock exit=0")
	m.logs("web", "passed 3, names web:web:web, mine true")
	m.becomes("web.service", "active")
	if again := m.MustShell(limit, "talk dial=tcp:127.0.0.1:8081 exit=0"); again != first {
		m.Errorf("first %q, then %q", first, again)
	}
	m.MustShell(limit, "kill -9 "+strings.TrimPrefix(strings.TrimSpace(first), "pid "))
	if later := m.MustShell(limit, "talk dial=tcp:127.0.0.1:8081 exit=0"); later == first || !strings.HasPrefix(later, "pid ") {
		m.Errorf("first %q, after a kill %q", first, later)
	}
	m.MustShell(limit, "ls -l /run/web/sock | grep -q 'rw-rw----'; clarityctl restart web; talk dial=unix:/run/web/sock exit=0; clarityctl stop web web.socket; test ! -e /run/web/sock")
	m.MustShell(limit, "clarityctl start web.socket; talk dial=unix:/run/web/sock exit=0")
}

func badSockets(m machine) {
	res := m.shell("clarityctl start taken.socket")
	if res.OK() || !strings.Contains(string(res.Stderr), "127.0.0.1:8081: address already in use") {
		m.Errorf("%v %s", res, res.Stderr)
	}
	m.starts("hopeless.socket")
	m.shell("talk dial=unix:/run/hopeless exit=0")
	m.becomes("hopeless.socket", "failed")
	m.starts("pipe.socket")
	m.MustShell(limit, "echo word > /run/pipe")
	m.logs("pipe", "got word")
	m.becomes("pipe.service", "inactive")
	m.MustShell(limit, "clarityctl stop pipe.socket; clarityctl reset-failed hopeless.socket hopeless taken.socket")
}

func templates(m machine) {
	m.starts(`'worker@a\x2db-c'`)
	m.logs(`'worker@a\x2db-c'`, `I am a-b/c of worker@a.x2db-c.service on `)
	m.MustShell(limit, `clarityctl reload-plan; clarityctl status 'worker@a\x2db-c' | grep -q running; clarityctl stop 'worker@a\x2db-c'`)
	if res := m.shell("clarityctl start nothing@x"); res.Code != 5 {
		m.Errorf("%v %s", res, res.Stderr)
	}
}

func softOrder(m machine) {
	m.begins("both.target")
	m.phase("soft", "running") // after its second, though slow never gets ready
	m.phase("slow", "start")
	m.MustShell(limit, "touch /run/slow-go")
	m.becomes("both.target", "active")
	m.MustShell(limit, "clarityctl stop both.target slow soft")
}

func health(m machine) {
	m.MustShell(limit, "touch /run/sick")
	m.begins("sick")
	m.phase("sick", "start-health")
	m.MustShell(limit, "rm /run/sick")
	m.phase("sick", "running")
	m.Must(limit, m.Succeeds(`clarityctl --json status sick | grep -q '"health": "healthy"'`))
	m.MustShell(limit, "touch /run/sick")
	m.Must(limit, m.Succeeds(`clarityctl --json status sick | grep -q '"health": "unhealthy"'`))
	m.Must(limit, m.Succeeds(`clarityctl status | grep -q degraded`))
	m.logs("sick", `the answer is "*500`)
	m.MustShell(limit, "clarityctl stop sick; clarityctl start cure alive")
	m.Must(limit, m.Succeeds(`clarityctl --json status alive | grep -q '"health": "healthy"'`))
	m.MustShell(limit, "touch /run/ill")
	m.logs("cure", "is unhealthy: 2 probes in a row failed")
	m.Must(limit, m.Succeeds(`clarityctl why cure | grep -q 'restarted [1-9]'`))
	m.MustShell(limit, "rm /run/ill; clarityctl stop cure alive")
}

func relations(m machine) {
	m.MustShell(limit, "clarityctl start bound part; clarityctl reload leader")
	m.logs("leader", "leader reloads")
	m.MustShell(limit, "clarityctl kill -s KILL leader")
	m.becomes("bound.service", "inactive")
	m.becomes("part.service", "active")
	m.MustShell(limit, "clarityctl reset-failed leader; clarityctl start leader; clarityctl stop leader")
	m.becomes("part.service", "inactive")
	m.starts("upholder")
	m.MustShell(limit, "clarityctl stop upheld")
	m.becomes("upheld.service", "active")
	m.MustShell(limit, "clarityctl stop upholder; clarityctl stop upheld")
	m.becomes("upheld.service", "inactive")
}

// The waits grow from RestartSec= to RestartMaxDelaySec= in RestartSteps=.
func backoff(m machine) {
	m.shell("clarityctl start steps")
	for _, wait := range []string{"50ms", "100ms", "200ms", "400ms"} {
		m.logs("steps", "starts again in "+wait)
	}
	m.MustShell(limit, "clarityctl stop steps")
}

func finalSignal(m machine) {
	m.starts("final")
	m.MustShell(limit, "clarityctl stop final")
	if u := m.unit("final").Units[0]; u.Result != "timeout" || u.Abandoned {
		m.Errorf("%+v", u)
	}
	m.MustShell(limit, "clarityctl reset-failed final")
}

func isolate(m machine) {
	m.starts("leader")
	m.MustShell(limit, "clarityctl isolate rescue.target")
	m.becomes("leader.service", "inactive")
	m.becomes("web.socket", "inactive")
	m.becomes("clarity-log.service", "active")
	m.MustShell(limit, "clarityctl isolate default.target || clarityctl isolate multi-user.target; clarityctl start web.socket")
	m.becomes("web.socket", "active")
}
