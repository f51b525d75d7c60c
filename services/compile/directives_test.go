package compile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/plan"
)

// Each line of a unit, and where it has to arrive in the plan.
func TestDirectives(t *testing.T) {
	process := func(u plan.Unit) plan.Process { return u.Service.Process }
	n := func(i int) *int { return &i }
	for _, c := range []struct {
		lines string
		got   func(plan.Unit) any
		want  any
	}{
		{"Type=idle", func(u plan.Unit) any { return u.Service.Type }, plan.Idle},
		{"Type=notify-reload\nReloadSignal=USR1", func(u plan.Unit) any { return []any{u.Service.Type, u.Service.ReloadSignal, u.Service.NotifyAccess} }, []any{plan.Reloads, 10, "main"}},
		{"Type=dbus\nBusName=org.x", func(u plan.Unit) any { return u.Service.AwaitName[0].Argv }, []string{"clarityd", "bus-name", "org.x"}},
		{"ExitType=cgroup", func(u plan.Unit) any { return u.Service.ExitWithGroup }, true},
		{"WatchdogSec=20s", func(u plan.Unit) any { return []any{u.Service.Watchdog, u.Service.NotifyAccess} }, []any{20 * time.Second, "main"}},
		{"RuntimeMaxSec=1h\nTimeoutAbortSec=3\nTimeoutStartFailureMode=kill", func(u plan.Unit) any {
			return []any{u.Service.RuntimeMax, u.Service.TimeoutAbort, u.Service.StartFailureMode}
		}, []any{time.Hour, 3 * time.Second, plan.FailKill}},
		{"RestartMode=direct\nRestartKillSignal=HUP\nWatchdogSignal=6\nFinalKillSignal=QUIT", func(u plan.Unit) any {
			s := u.Service
			return []any{s.RestartDirect, s.RestartKillSignal, s.WatchdogSignal, s.FinalSignal}
		}, []any{true, 1, 6, 3}},
		{"OOMPolicy=kill", func(u plan.Unit) any { return process(u).Cgroup }, []plan.Setting{{File: "memory.oom.group", Value: "1"}}},
		{"CPUWeight=200\nCPUWeight=300\nIOWeight=5", func(u plan.Unit) any { return process(u).Cgroup },
			[]plan.Setting{{File: "cpu.weight", Value: "300"}, {File: "io.weight", Value: "default 5"}}},
		{"CPUWeight=idle", func(u plan.Unit) any { return process(u).Cgroup }, []plan.Setting{{File: "cpu.idle", Value: "1"}}},
		{"CPUQuotaPeriodSec=10ms\nCPUQuota=150%", func(u plan.Unit) any { return process(u).Cgroup }, []plan.Setting{{File: "cpu.max", Value: "15000 10000"}}},
		{"MemoryMin=1M\nMemoryLow=2M\nMemoryHigh=50%\nMemoryMax=infinity\nMemorySwapMax=0", func(u plan.Unit) any { return process(u).Cgroup }, []plan.Setting{
			{File: "memory.min", Value: "1048576"}, {File: "memory.low", Value: "2097152"}, {File: "memory.high", Value: "50%"},
			{File: "memory.max", Value: "max"}, {File: "memory.swap.max", Value: "0"}}},
		{"IOReadBandwidthMax=/dev/vda 10M\nIOWriteIOPSMax=/dev/vda 100\nIOReadBandwidthMax=/dev/vda 20M", func(u plan.Unit) any { return process(u).Cgroup },
			[]plan.Setting{{File: "io.max", Value: "/dev/vda wiops=100"}, {File: "io.max", Value: "/dev/vda rbps=20000000"}}},
		{"AllowedCPUs=0 2-3\nTasksMax=40%", func(u plan.Unit) any { return process(u).Cgroup }, []plan.Setting{{File: "cpuset.cpus", Value: "0,2-3"}, {File: "pids.max", Value: "40%"}}},
		{"MemoryAccounting=yes\nCPUAccounting=yes\nMemoryMax=1M\nMemoryMax=", func(u plan.Unit) any { return len(process(u).Cgroup) }, 0},
		{"Delegate=cpu memory\nDelegateSubgroup=main", func(u plan.Unit) any {
			return []any{process(u).Delegate, process(u).DelegateTo, process(u).DelegateGroup}
		}, []any{true, []string{"cpu", "memory"}, "main"}},
		{"Slice=a-b.slice", func(u plan.Unit) any { return process(u).Slice }, "a.slice/a-b.slice"},
		{"Nice=-5\nIOSchedulingClass=idle\nCPUSchedulingPolicy=rr\nCPUSchedulingPriority=3\nCPUAffinity=0 2-3", func(u plan.Unit) any {
			p := process(u)
			return []any{p.Nice, p.IOPriority, p.CPUPolicy, p.CPUPriority, p.CPUAffinity}
		}, []any{n(-5), n(3<<13 | 4), n(2), 3, []int{0, 2, 3}}},
		{"IOSchedulingPriority=0", func(u plan.Unit) any { return process(u).IOPriority }, n(2 << 13)},
		{"TimerSlackNSec=50\nCoredumpFilter=0x7f\nIgnoreSIGPIPE=yes", func(u plan.Unit) any {
			return []any{process(u).TimerSlack, process(u).CoredumpFilter, process(u).IgnoreSIGPIPE}
		}, []any{int64(50), n(0x7f), true}},
		{"StandardInput=data\nStandardInputText=a\\tb\nStandardInputData=Yw==", func(u plan.Unit) any { return string(process(u).InputData) }, "a\tb\nc"},
		{"StandardInput=fd:web\nStandardOutput=journal+console\nStandardError=truncate:/run/x", func(u plan.Unit) any {
			return []string{process(u).Input, process(u).Output, process(u).Error}
		}, []string{"fd:web", "journal+console", "truncate:/run/x"}},
		{"TTYPath=/dev/tty2\nTTYReset=yes\nTTYVHangup=yes\nTTYVTDisallocate=yes\nTTYRows=25\nTTYColumns=80", func(u plan.Unit) any { return process(u).TTY },
			plan.TTY{Path: "/dev/tty2", Reset: true, Hangup: true, Disallocate: true, Rows: 25, Columns: 80}},
		{"SyslogIdentifier=x\nSyslogLevel=debug\nSyslogLevelPrefix=no\nLogLevelMax=warning\nLogRateLimitBurst=7\nSyslogFacility=local3\nLogExtraFields=A=1 \"B=2 3\"", func(u plan.Unit) any {
			return process(u).Log
		}, plan.Log{Identifier: "x", Level: n(7), NoPrefix: true, LevelMax: n(4), RateBurst: n(7), Fields: []string{"SYSLOG_FACILITY=19", "A=1", "B=2 3"}}},
		{"PassEnvironment=A B\nUnsetEnvironment=C D=1", func(u plan.Unit) any { return append(process(u).PassEnv, process(u).UnsetEnv...) }, []string{"A", "B", "C", "D=1"}},
		{"ExecStartPre=-+/a %n $X", func(u plan.Unit) any { return u.Service.StartPre[0] },
			plan.Command{Path: "/a", Argv: []string{"/a", "x.service", "$X"}, IgnoreFailure: true, Privileged: true, Substitute: true}},
		{"ExecStartPre=!:@/a b $X", func(u plan.Unit) any { return u.Service.StartPre[0] },
			plan.Command{Path: "/a", Argv: []string{"b", "$X"}, KeepUser: true, Literal: true}},
		{"Environment=BOOT=%b", func(u plan.Unit) any { return process(u).Environment }, []string{"BOOT=\x01b"}},
		{"[Unit]\nRequiresMountsFor=/var/lib/x", func(u plan.Unit) any { return strings.Contains(strings.Join(u.Requires, " "), "local-fs.target") }, true},
		{"[Unit]\nFailureAction=reboot-force\nStartLimitAction=poweroff\nJobTimeoutSec=3\nJobTimeoutAction=halt", func(u plan.Unit) any {
			return []any{u.FailureAction, u.StartLimit.Action, u.JobTimeout, u.JobAction}
		}, []any{plan.HaltAction{Kind: "reboot", Force: true}, plan.HaltAction{Kind: "poweroff"}, 3 * time.Second, plan.HaltAction{Kind: "halt"}}},
		{"[X-Clarity]\nStartAfter=y.service 5s\nNotificationFD=3\n[Service]\nType=notify", func(u plan.Unit) any { return []any{u.SoftAfter, u.Service.NotificationFD} },
			[]any{[]plan.SoftAfter{{Unit: "y.service", Limit: 5 * time.Second}}, 3}},
		{"[X-Clarity]\nHealthHTTP=http://127.0.0.1:80/x?y\nHealthAction=restart\nHealthGate=yes\nHealthFailures=2", func(u plan.Unit) any { return u.Service.Health },
			&plan.Health{Probe: plan.Probe{At: &plan.Address{IP: []byte{127, 0, 0, 1}, Port: 80}, Host: "127.0.0.1:80", Path: "/x?y"},
				Interval: 10 * time.Second, Timeout: 5 * time.Second, Failures: 2, Successes: 1, Action: "restart", Gate: true}},
		{"[X-Clarity]\nPredictedFailure=restart", func(u plan.Unit) any { return u.Service.PredictedFailure }, plan.PredictedRestart},
		{"[X-Clarity]\nPredictedFailure=report", func(u plan.Unit) any { return u.Service.PredictedFailure }, plan.PredictedFailure("")},
		{"[X-Clarity]\nHealthExec=/bin/check %n", func(u plan.Unit) any { return u.Service.Health.Probe.Command.Argv }, []string{"/bin/check", "x.service"}},
	} {
		p := mustCompile(t, map[string]string{
			"etc/systemd/system/x.service": "[Service]\nExecStart=/bin/x\n" + c.lines + "\n",
			"etc/systemd/system/y.service": "[Service]\nExecStart=/bin/y\n",
		}, "x.service")
		u := find(t, p, "x.service")
		if u.Broken != "" {
			t.Errorf("%q: %s", c.lines, u.Broken)
			continue
		}
		for _, f := range p.Findings {
			if f.Unit == "x.service" {
				t.Errorf("%q: %s", c.lines, f)
			}
		}
		if d := cmp.Diff(c.want, c.got(u)); d != "" {
			t.Errorf("%q:\n%s", c.lines, d)
		}
	}
}

// What makes no sense is told with its place, and the unit does not start.
func TestBadDirectives(t *testing.T) {
	for lines, want := range map[string]string{
		"CPUWeight=0":                             "no weight from 1 to 10000",
		"CPUQuota=much":                           "no share of a CPU",
		"MemoryMax=120%":                          "no share from 0% to 100%",
		"IOReadBandwidthMax=vda 1M":               "no device and value",
		"AllowedCPUs=3-1":                         "neither a number nor a range",
		"Slice=x":                                 "does not end in .slice",
		"Delegate=cpu nonsense":                   "no value \"nonsense\"",
		"IOSchedulingClass=fast":                  "no class",
		"CPUSchedulingPolicy=best":                "no policy",
		"StandardOutput=file:relative":            "not an absolute path",
		"StandardInput=sometimes":                 "no value",
		"SyslogLevel=loud":                        "no level",
		"LogExtraFields=_X=1":                     "no FIELD=value",
		"Type=dbus":                               "needs BusName=",
		"[Unit]\nFailureAction=explode":           "no action",
		"[X-Clarity]\nNotificationFD=3":           "needs Type=notify",
		"[X-Clarity]\nHealthTCP=localhost:80":     "no numeric address",
		"[X-Clarity]\nHealthHTTP=https://1.2.3.4": "no URL",
		"[X-Clarity]\nHealthGate=yes":             "without a probe",
		"[X-Clarity]\nPredictedFailure=maybe":     "no value \"maybe\" (report, reclaim, restart)",
		"[X-Clarity]\nStartAfter=y.service never": "no wait that ends",
		"WorkingDirectory=/x/%b":                  "only the running machine knows",
	} {
		p := mustCompile(t, map[string]string{"etc/systemd/system/x.service": "[Service]\nExecStart=/bin/x\n" + lines + "\n"}, "x.service")
		if u := find(t, p, "x.service"); !strings.Contains(u.Broken, want) {
			t.Errorf("%q: broken %q, want %q", lines, u.Broken, want)
		}
	}
}

func TestSocketUnits(t *testing.T) {
	p := mustCompile(t, map[string]string{
		"etc/systemd/system/web.service": "[Service]\nExecStart=/bin/web\nSockets=extra.socket\n",
		"etc/systemd/system/web.socket": `[Socket]
ListenStream=/run/web.sock
ListenStream=8080
ListenDatagram=127.0.0.1:53
ListenFIFO=/run/fifo
SocketUser=redis
SocketMode=0600
NoDelay=yes
FileDescriptorName=web
`,
		"etc/systemd/system/extra.socket":  "[Socket]\nListenStream=[::1]:81\nService=web.service\n",
		"etc/systemd/system/each.socket":   "[Socket]\nListenStream=1\nAccept=yes\n",
		"etc/systemd/system/orphan.socket": "[Socket]\nListenStream=2\n",
		"etc/systemd/system/long.socket":   "[Socket]\nService=web.service\nListenStream=/" + strings.Repeat("x", 120) + "\n",
	}, "web.socket", "web.service")
	k := find(t, p, "web.socket")
	want := []plan.Listen{
		{Kind: "stream", At: plan.Address{Path: "/run/web.sock"}, Text: "/run/web.sock"}, {Kind: "stream", At: plan.Address{Port: 8080}, Text: "8080"},
		{Kind: "datagram", At: plan.Address{IP: []byte{127, 0, 0, 1}, Port: 53}, Text: "127.0.0.1:53"}, {Kind: "fifo", At: plan.Address{Path: "/run/fifo"}, Text: "/run/fifo"},
	}
	if d := cmp.Diff(want, k.Socket.Listen); d != "" || k.Broken != "" {
		t.Errorf("%s\n%s", k.Broken, d)
	}
	if k.Socket.UID != 102 || k.Socket.GID != 103 || k.Socket.Mode != 0o600 || k.Socket.Names != "web" || len(k.Socket.Options) != 1 {
		t.Errorf("%+v", k.Socket)
	}
	u := find(t, p, "web.service")
	if got := strings.Join(u.Service.Sockets, " "); got != "extra.socket web.socket" {
		t.Errorf("the service is given %q", got)
	}
	if after := strings.Join(u.After, " "); !strings.Contains(after, "web.socket") || !strings.Contains(after, "extra.socket") {
		t.Errorf("the service is after %q", after)
	}
	if after := strings.Join(find(t, p, "sockets.target").After, " "); !strings.Contains(after, "web.socket") {
		t.Errorf("sockets.target is after %q", after)
	}
	for name, want := range map[string]string{"each.socket": "not run yet", "orphan.socket": "orphan.service does not exist", "long.socket": "107 bytes"} {
		if k := find(t, p, name); !strings.Contains(k.Broken, want) {
			t.Errorf("%s: broken %q, want %q", name, k.Broken, want)
		}
	}
}

// Instances are made where units name them, with drop-ins of both names, and
// know their own.
func TestInstances(t *testing.T) {
	files := map[string]string{
		"usr/lib/systemd/system/worker@.service":         "[Unit]\nOnFailure=tell@%n.service\n[Service]\nExecStart=/bin/work %i \"%I\"\nSlice=work.slice\n",
		"usr/lib/systemd/system/tell@.service":           "[Service]\nExecStart=/bin/tell %i\n",
		"etc/systemd/system/worker@.service.d/a.conf":    "[Service]\nNice=1\n",
		"etc/systemd/system/worker@two.service.d/b.conf": "[Service]\nNice=2\n",
		"etc/systemd/system/multi-user.target.wants/x":   "",
		"etc/systemd/system/main.service":                "[Unit]\nWants=worker@a-b.service\n[Service]\nExecStart=/bin/main\n",
		"etc/systemd/system/work.slice":                  "[Slice]\nMemoryMax=1M\n",
	}
	p, err := Root(root(files), Options{Enable: []string{"main.service", "worker@two.service"}, Instances: []string{"worker@three.service"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"worker@a-b.service": "/bin/work a-b a/b 1", "worker@two.service": "/bin/work two two 2", "worker@three.service": "/bin/work three three 1"} {
		u := find(t, p, name)
		got := strings.Join(u.Service.Start[0].Argv, " ")
		if text, _ := json.Marshal(u.Service.Process.Nice); got+" "+string(text) != want {
			t.Errorf("%s runs %q with niceness %s, want %q", name, got, text, want)
		}
		if u.Service.Process.Slice != "work.slice" || !strings.Contains(strings.Join(u.Requires, " "), "work.slice") {
			t.Errorf("%s is in %q and requires %q", name, u.Service.Process.Slice, u.Requires)
		}
	}
	if u := find(t, p, "tell@worker@two.service.service"); len(u.Service.Start) != 1 {
		t.Errorf("%+v", u)
	}
	if s := find(t, p, "work.slice"); s.Slice == nil || len(s.Slice.Cgroup) != 1 {
		t.Errorf("%+v", s)
	}
	again, err := Again(root(files), p, nil, append(p.Instances, "worker@four.service", "gone@x.service"))
	if err != nil || strings.Join(again.Instances, " ") != "worker@three.service worker@four.service" {
		t.Errorf("%v %q", err, again.Instances)
	}
	find(t, again, "worker@two.service")
	if _, err := Root(root(files), Options{Instances: []string{"gone@x.service"}}); err == nil || !strings.Contains(err.Error(), "gone@.service is no template") {
		t.Errorf("%v", err)
	}
}

// What one side says is told to the other.
func TestInverseRelations(t *testing.T) {
	p := mustCompile(t, map[string]string{
		"etc/systemd/system/a.service": "[Unit]\nBefore=b.service\nPropagatesStopTo=b.service\nReloadPropagatedFrom=b.service\nPropagatesReloadTo=b.service\n[Service]\nExecStart=/a\n",
		"etc/systemd/system/b.service": "[Unit]\nBindsTo=a.service\nPartOf=a.service\nUpholds=a.service\nRequisite=a.service\n[Service]\nExecStart=/b\n",
	}, "b.service")
	a, b := find(t, p, "a.service"), find(t, p, "b.service")
	for what, list := range map[string][]string{"BindsTo": b.BindsTo, "PartOf": b.PartOf, "Upholds": b.Upholds, "Requisite": b.Requisite, "StopPropagatedFrom": b.StopPropagatedFrom, "PropagatesReloadTo": b.PropagatesReloadTo} {
		if len(list) != 1 || list[0] != "a.service" {
			t.Errorf("b's %s is %q", what, list)
		}
	}
	if len(a.PropagatesReloadTo) != 1 || !a.Enabled || !strings.Contains(strings.Join(b.After, " "), "a.service") {
		t.Errorf("%+v %+v", a.Relations, b.Relations)
	}
}
