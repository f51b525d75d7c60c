package compile

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"clarityos/services/plan"
)

func root(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{"etc/passwd": {Data: []byte("root:x:0:0:root:/root:/bin/sh\nredis:x:102:103::/var/lib/redis:/usr/sbin/nologin\n")},
		"etc/group": {Data: []byte("root:x:0:\nredis:x:103:\nadm:x:4:redis\n")}}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func mustCompile(t *testing.T, files map[string]string, enable ...string) *plan.Plan {
	t.Helper()
	p, err := Root(root(files), Options{Enable: enable})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func find(t *testing.T, p *plan.Plan, name string) plan.Unit {
	t.Helper()
	for _, u := range p.Units {
		if u.Name == name {
			return u
		}
	}
	t.Fatalf("no unit %s in the plan", name)
	return plan.Unit{}
}

func TestService(t *testing.T) {
	p := mustCompile(t, map[string]string{"usr/lib/systemd/system/redis.service": `
[Unit]
After=network.target
[Service]
Type=notify
User=redis
Group=redis
ExecStart=/usr/bin/redis-server /etc/redis.conf --port ${PORT}
PIDFile=/var/run/redis/redis.pid
RuntimeDirectory=redis
RuntimeDirectoryMode=2755
LimitNOFILE=65535
TimeoutStopSec=0
RestartSec=20ms
RestartSteps=3
RestartMaxDelaySec=1min
PrivateTmp=yes
Frobnicate=1
`, "etc/systemd/system/redis.service.d/10-x.conf": "[Service]\nEnvironment=\"A=b c\" D=e\n"}, "redis.service")
	u := find(t, p, "redis.service")
	s := u.Service
	if u.Broken != "" || s == nil {
		t.Fatalf("broken: %s", u.Broken)
	}
	if !u.Enabled || s.Process.UID != 102 || s.Process.GID != 103 || len(s.Process.Groups) != 1 || s.Process.Groups[0] != 4 {
		t.Errorf("enabled %v, ids %+v", u.Enabled, s.Process)
	}
	if !s.Start[0].Substitute || s.PIDFile != "/run/redis/redis.pid" || s.TimeoutStop != plan.Infinity {
		t.Errorf("service %+v", s)
	}
	if s.RestartDelay != 20*time.Millisecond || s.RestartSteps != 3 || s.RestartMaxDelay != time.Minute {
		t.Errorf("restart %v %d %v", s.RestartDelay, s.RestartSteps, s.RestartMaxDelay)
	}
	if d := s.Process.Directories; len(d) != 1 || d[0].Path != "/run/redis" || d[0].Mode != 0o2755 {
		t.Errorf("directories %+v", d)
	}
	if got := strings.Join(s.Process.Environment, "|"); got != "A=b c|D=e|RUNTIME_DIRECTORY=/run/redis" {
		t.Errorf("environment %s", got)
	}
	var got []string
	for _, f := range p.Findings {
		if f.Unit == "redis.service" {
			got = append(got, string(f.Kind)+" "+f.String())
		}
	}
	want := "unenforced /usr/lib/systemd/system/redis.service:17: PrivateTmp= is read but not enforced yet\n" +
		"unknown /usr/lib/systemd/system/redis.service:18: unknown directive [Service] Frobnicate="
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("findings:\n%s\nwant:\n%s", s, want)
	}
}

// A oneshot may take as long as it likes unless it says otherwise, as in systemd.
func TestStartTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"ExecStart=/a":               90 * time.Second,
		"Type=oneshot\nExecStart=/a": plan.Infinity,
		"Type=oneshot\nExecStart=/a\nTimeoutStartSec=5min": 5 * time.Minute,
		"TimeoutStartSec=infinity\nExecStart=/a":           plan.Infinity,
		"TimeoutSec=7\nType=oneshot\nExecStart=/a":         7 * time.Second,
	} {
		p := mustCompile(t, map[string]string{"etc/systemd/system/a.service": "[Service]\n" + text + "\n"}, "a.service")
		if got := find(t, p, "a.service").Service.TimeoutStart; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestBroken(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[Service]\nType=simple\n", "neither ExecStart= nor ExecStop="},
		{"[Service]\nExecStart=/a\nExecStart=/b\n", "exactly one ExecStart="},
		{"[Service]\nExecStart=/a\nType=strange\n", `no type "strange"`},
		{"[Service]\nExecStart=a/b\n", "neither absolute nor a plain name"},
		{"[Service]\nExecStart=/a 'b\n", "no closing '"},
		{"[Service]\nExecStart=/a\nUser=nobodyhere\n", `user "nobodyhere" does not exist`},
		{"[Service]\nExecStart=/a\nTimeoutSec=5 parsecs\n", `no unit of time "parsecs"`},
		{"[Service]\nExecStart=/a\nLimitNOFILE=9:3\n", "above the hard one"},
		{"[Unit]\nRequires=ghost.service\n[Service]\nExecStart=/a\n", "requires ghost.service, which does not exist"},
		{"[Service]\nType=oneshot\nRestart=always\nExecStart=/a\n", "run for ever"},
		{"[Service]\nnonsense\nExecStart=/a\n", "neither a section nor an assignment"},
		{"", "masked"},
	} {
		u := find(t, mustCompile(t, map[string]string{"etc/systemd/system/x.service": c.text}, "x.service"), "x.service")
		if !strings.Contains(u.Broken, c.want) {
			t.Errorf("%q: broken %q, want %q", c.text, u.Broken, c.want)
		}
	}
}

// A masked unit that something wants is left alone, as in systemd; a unit that
// requires it cannot start.
func TestMasked(t *testing.T) {
	p := mustCompile(t, map[string]string{
		"etc/systemd/system/gone.service":  "",
		"etc/systemd/system/wants.service": "[Unit]\nWants=gone.service\n[Service]\nExecStart=/a\n",
		"etc/systemd/system/needs.service": "[Unit]\nRequires=gone.service\n[Service]\nExecStart=/a\n",
	}, "wants.service")
	if u := find(t, p, "wants.service"); len(u.Wants) > 0 || u.Broken != "" || find(t, p, "gone.service").Enabled {
		t.Errorf("%+v", u)
	}
	if u := find(t, p, "needs.service"); !slices.Contains(u.Requires, "gone.service") {
		t.Errorf("%+v", u)
	}
}

func TestCycle(t *testing.T) {
	unit := func(lines string) string { return "[Unit]\n" + lines + "\n[Service]\nExecStart=/x\n" }
	p := mustCompile(t, map[string]string{
		"etc/systemd/system/a.service": unit("Requires=b.service\nAfter=b.service"),
		"etc/systemd/system/b.service": unit("Wants=c.service\nAfter=c.service"),
		"etc/systemd/system/c.service": unit("After=a.service"),
	}, "a.service")
	if a := find(t, p, "a.service").After; !strings.Contains(strings.Join(a, " "), "b.service") {
		t.Errorf("the edge of Requires= was left out: %v", a)
	}
	if c := find(t, p, "c.service").After; strings.Contains(strings.Join(c, " "), "a.service") {
		t.Errorf("the weakest edge is still there: %v", c)
	}
	cycles := 0
	for _, f := range p.Findings {
		if f.Kind == plan.Cycle {
			cycles++
			if !strings.Contains(f.Message, "a.service after b.service after c.service after a.service") {
				t.Errorf("message %q", f.Message)
			}
		}
	}
	if cycles != 1 {
		t.Errorf("%d cycles reported", cycles)
	}
}

func TestEnableNothing(t *testing.T) {
	_, err := Root(root(map[string]string{"etc/systemd/system/redis-server.service": "[Service]\nExecStart=/x\n"}), Options{Enable: []string{"redis.service"}})
	if err == nil || !strings.Contains(err.Error(), "did you mean redis-server.service?") {
		t.Errorf("error %v", err)
	}
}

func TestSetup(t *testing.T) {
	p := mustCompile(t, map[string]string{
		"usr/lib/tmpfiles.d/a.conf": "d /run/x/y 0755 redis redis - -\nL /run/x/l - - - - /etc/foo\nt /x - - - - attr\n",
		"usr/lib/tmpfiles.d/b.conf": "d /run/x 0700 - -\n",
		"usr/lib/sysctl.d/a.conf":   "net.ipv4.ip_forward = 1\n-net/ipv4/conf/eth0.1/x=2\n",
	})
	if f := p.Setup.Files; len(f) != 3 || f[0].Path != "/run/x" || f[2].UID != 102 {
		t.Errorf("files %+v", f)
	}
	if s := p.Setup.Sysctl; len(s) != 2 || s[0].Key != "net/ipv4/ip_forward" || s[1].Key != "net/ipv4/conf/eth0.1/x" || !s[1].Optional {
		t.Errorf("sysctl %+v", s)
	}
}

// The units that ClarityOS itself brings hold nothing that it does not know.
func TestBuiltinUnitsAreClean(t *testing.T) {
	p, err := Root(root(nil), Options{System: plan.System{Components: []string{"log", "devices", "setup", "network", "agent", "bus", "slots", "learn", "update", "evolution", "state"}, Console: "shell"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Findings {
		t.Error(f)
	}
}

// Drop-ins of the root count for built-in units too.
func TestBuiltinDropIns(t *testing.T) {
	p, err := Root(root(map[string]string{
		"etc/systemd/system/clarity-log.service.d/a.conf": "[Service]\nRestartSec=7s\n",
		"etc/systemd/system/multi-user.target.d/a.conf":   "[Unit]\nDescription=Ours\n",
	}), Options{System: plan.System{Components: []string{"log"}}})
	if err != nil {
		t.Fatal(err)
	}
	log, target := find(t, p, "clarity-log.service"), find(t, p, "multi-user.target")
	if log.Service.RestartDelay != 7*time.Second || target.Description != "Ours" || len(log.Sources) != 2 {
		t.Errorf("%+v %v %q", log.Service.RestartDelay, log.Sources, target.Description)
	}
}

// What is not run yet is told and does not keep a unit from starting.
func TestFindingsNotBroken(t *testing.T) {
	p := mustCompile(t, map[string]string{"etc/systemd/system/x.service": `[Service]
ExecStart=/x
StandardInput=file:/etc/passwd
AmbientCapabilities=CAP_KILL
AmbientCapabilities=~CAP_CHOWN
SupplementaryGroups=adm
SupplementaryGroups=
FinalKillSignal=SIGQUIT
`}, "x.service")
	u := find(t, p, "x.service")
	if u.Broken != "" || u.Service.Process.Input != "file:/etc/passwd" || len(u.Service.Process.Ambient) != 1 || len(u.Service.Process.Groups) != 0 {
		t.Errorf("%q %+v", u.Broken, u.Service.Process)
	}
	var lines []int
	for _, f := range p.Findings {
		if f.Unit == "x.service" && f.Kind == plan.Unenforced {
			lines = append(lines, f.Line)
		}
	}
	if !slices.Equal(lines, []int{5}) {
		t.Errorf("findings on lines %v", lines)
	}
}
