package main_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"clarityos/qemu/agent"
	"clarityos/services/control"
)

// tools goes through what clarityctl can ask of PID 1 and do to units beside
// their jobs.
func tools(m machine) {
	for _, c := range []struct {
		args string
		code int
		says string // a part of it
	}{
		{"list-dependencies", 0, "─steady.service"},
		{"list-dependencies steady --reverse", 0, "└─default.target"},
		{"list-dependencies needs-notifier --all", 0, "notifier.service (Requires, After)"},
		{"list-dependencies steady --after", 0, "sysinit.target"},
		{"list-dependencies nobody-knows", 5, "no unit nobody-knows.service"},
		{"list-dependencies --after --before", 2, "after"},
		{"critical-chain", 0, "default.target @"},
		{"critical-chain stubborn", 1, "is not up"},
		{"critical-chain nobody-knows", 5, "no unit nobody-knows.service"},
		{"analyze", 0, "init to default.target"},
		{"analyze -o /run/x", 2, "a FILE is for --svg, --html or --report-json"},
		{"blame", 0, "clarity-setup.service"},
		{"show steady -p Id,ActiveState,Restart", 0, "Id=steady.service\nActiveState=active\nRestart=always\n"},
		{"show needs-notifier -p Requires --value", 0, "notifier.service"},
		{"show notifier -p RequiredBy", 0, "RequiredBy=needs-notifier.service\n"},
		{"show steady -p Colour", 2, "no property Colour"},
		{"show nobody-knows", 5, "no unit nobody-knows.service"},
		{"kill -s NONE steady", 2, `no signal "NONE"`},
		{"kill -s 99 steady", 2, `no signal "99"`},
		{"kill --who anyone steady", 2, "--who: it is all, main or control"},
		{"kill stubborn", 1, "stubborn.service is inactive and has no processes"},
		{"kill --who control steady", 1, "steady.service is active and has no control process"},
		{"kill nobody-knows", 5, "no unit nobody-knows.service"},
		{"set-property steady Colour=red", 2, "Colour= cannot be set"},
		{"set-property steady MemoryMax=lots", 2, "MemoryMax="},
		{"set-property steady", 2, "or --reset"},
		{"set-property default.target MemoryMax=1G", 1, "default.target has no processes"},
		{"set-property nobody-knows MemoryMax=1G", 5, "no unit nobody-knows.service"},
		{"events -n 3 -u steady", 0, "steady.service"},
		{"events -u nobody-knows", 5, "no unit nobody-knows.service"},
		{"isolate steady", 1, "steady.service"},
		{"isolate nobody-knows", 5, "no unit nobody-knows.service"},
		{"start nobody-knows --no-block", 5, "no unit nobody-knows.service"},
		{"top", 0, "steady.service"},
		{"top --sort age", 2, "--sort: it is cpu, memory, tasks, io or name"},
		{"rescue-report", 0, "What to type next:"},
		{"__complete status ste", 0, "steady.service"},
		{"__complete set-property steady Memory", 0, "MemoryMax="},
		{"completion bash", 0, "complete"},
		{"completion zsh", 0, "#compdef clarityctl"},
		{"completion fish", 0, "complete -c clarityctl"},
		{"show --frobnicate steady", 2, "unknown flag"},
	} {
		res := m.shell("clarityctl " + c.args)
		out := string(res.Stdout) + string(res.Stderr)
		if res.Code != c.code || !strings.Contains(out, c.says) {
			m.Errorf("clarityctl %s exits with %d, want %d and %q:\n%s", c.args, res.Code, c.code, c.says, out)
		}
		if strings.Contains(out, "\x1b") && !strings.Contains(c.args, "completion") {
			m.Errorf("clarityctl %s sends escape sequences where there is no terminal: %q", c.args, out)
		}
	}
	for _, args := range []string{"list-dependencies", "critical-chain", "analyze", "show steady", "events", "top", "rescue-report"} {
		d := json.NewDecoder(strings.NewReader(m.MustShell(limit, "clarityctl --json "+args)))
		n := 0
		for ; d.More(); n++ {
			var v any
			if err := d.Decode(&v); err != nil {
				m.Fatalf("clarityctl --json %s: %v", args, err)
			}
		}
		if n == 0 {
			m.Errorf("clarityctl --json %s says nothing", args)
		}
	}
}

// The chart is well-formed, and has a row for every unit that the boot started.
func bootChart(m machine) {
	var list control.StatusReply
	if err := json.Unmarshal([]byte(m.MustShell(limit, "clarityctl --json list --all")), &list); err != nil {
		m.Fatal(err)
	}
	rows := map[string]bool{}
	m.MustShell(limit, "clarityctl analyze --svg -o /run/chart.svg")
	text := m.MustShell(limit, "cat /run/chart.svg")
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			m.Fatalf("%v\n%s", err, text)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "g" {
			for _, a := range e.Attr {
				rows[a.Value] = true
			}
		}
	}
	started := 0
	for _, u := range list.Units {
		if u.Up == 0 || u.Up > list.Summary.BootTime {
			continue
		}
		started++
		if !rows[u.Name] {
			m.Errorf("%s has no row:\n%s", u.Name, text)
		}
		if u.MainPID > 0 && list.Started[u.Name] == 0 {
			m.Errorf("%s used no CPU time until it was up", u.Name)
		}
	}
	if started < 5 {
		m.Errorf("only %d units were up: %+v", started, list)
	}
}

// What is set of a running unit is in its cgroup, stays through a restart, and
// goes with --reset and with a new plan.
func liveProperties(m machine) {
	const file = "/sys/fs/cgroup/system.slice/steady.service/"
	value := func(name, want string) {
		m.Helper()
		if got := strings.TrimSpace(m.MustShell(limit, "cat "+file+name)); got != want {
			m.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	shown := func(name, want string) {
		m.Helper()
		if got := strings.TrimSpace(m.MustShell(limit, "clarityctl show steady --value -p "+name)); got != want {
			m.Errorf("%s is shown as %s, want %s", name, got, want)
		}
	}
	m.MustShell(limit, "clarityctl set-property steady MemoryMax=32M TasksMax=40")
	value("memory.max", "33554432")
	value("pids.max", "40")
	shown("MemoryMax", "33554432")
	m.MustShell(limit, "clarityctl restart steady")
	value("memory.max", "33554432")
	m.MustShell(limit, "clarityctl stop steady; clarityctl start steady")
	value("memory.max", "33554432")
	m.MustShell(limit, "clarityctl set-property steady CPUWeight=50")
	value("cpu.weight", "50")
	value("memory.max", "33554432")
	m.MustShell(limit, "clarityctl set-property steady --reset")
	value("memory.max", "max")
	value("pids.max", "max")
	value("cpu.weight", "100")
	shown("MemoryMax", "infinity")
	// One that the kernel refuses is told, and the others are set.
	res := m.shell("clarityctl set-property steady AllowedCPUs=4000 TasksMax=41")
	if res.Code != 1 || !strings.Contains(string(res.Stderr), "cpuset.cpus") {
		m.Errorf("a CPU that there is not: %v %s", res, res.Stderr)
	}
	value("pids.max", "41")
	m.MustShell(limit, "clarityctl reload-plan; clarityctl stop steady; clarityctl start steady")
	value("pids.max", "max")
	if bytes, err := strconv.Atoi(strings.TrimSpace(m.MustShell(limit, "clarityctl show steady --value -p MemoryCurrent"))); err != nil || bytes == 0 {
		m.Errorf("it uses %d bytes of memory, %v", bytes, err)
	}
}

// A listener sees what happens as it happens: here a signal and the restart that
// it leads to.
func follows(m machine) {
	before := m.unit("steady").Units[0].MainPID
	ctx, cancel := context.WithCancel(m.T.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := m.Machine.Run(ctx, agent.Command{Args: []string{"/bin/sh", "-c", "exec clarityctl events --follow -n 1 -u steady >/run/seen 2>&1"}})
		ended <- err
	}()
	m.Must(limit, m.Succeeds("grep -q 'steady.service' /run/seen"))
	m.MustShell(limit, "clarityctl kill --signal KILL --who main steady")
	m.Must(limit, m.Succeeds("grep -q 'auto-restart .signal.: its main process ended by signal 9' /run/seen && grep -q 'steady.service is up after' /run/seen"))
	m.becomes("steady.service", "active")
	if after := m.unit("steady").Units[0].MainPID; after == before {
		m.Errorf("steady.service is still process %d", after)
	}
	cancel()
	<-ended // it has no end of its own
	m.MustShell(limit, "clarityctl status")
}

// What waits says what it waits for, and a wait that runs out leaves the job.
func waits(m machine) {
	res := m.shell("rm -f /run/go; clarityctl start needs-notifier --timeout 8s")
	said := string(res.Stderr)
	for _, want := range []string{"clarityctl: waits for notifier.service (start for ", "the start of needs-notifier.service is not over after 8s and goes on", "1 job waits for it"} {
		if !strings.Contains(said, want) {
			m.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if res.Code != 4 {
		m.Errorf("it exits with %d, want 4", res.Code)
	}
	why := m.MustShell(limit, "clarityctl why notifier; clarityctl why needs-notifier")
	for _, want := range []string{"because of it: needs-notifier.service waits", "next: it goes on after notifier.service (start for "} {
		if !strings.Contains(why, want) {
			m.Errorf("why does not say %q:\n%s", want, why)
		}
	}
	m.MustShell(limit, "touch /run/go")
	m.becomes("needs-notifier.service", "active")
	m.MustShell(limit, "clarityctl stop notifier; rm /run/go; clarityctl start notifier --no-block")
	m.becomes("notifier.service", "activating")
	m.MustShell(limit, "clarityctl stop notifier")
}
