package demo_test

import (
	"encoding/json"
	"strings"
)

// commands goes through what clarityctl can do.
func commands(d demo) {
	for _, c := range []struct {
		args string
		code int
		says string // a part of it
	}{
		{"status", 0, "state    running"},
		{"status nginx", 0, "state    active (running)"},
		{"list", 0, "redis-server.service"},
		{"cat nginx", 0, "# /etc/systemd/system/nginx.service.d/clarity.conf\n[Service]\nRestart=on-failure"},
		{"cat nginx", 0, "# /usr/lib/systemd/system/nginx.service\n"},
		{"cat default.target", 0, "# built-in/default.target\n"},
		{"logs -u redis-server", 0, "Ready to accept connections tcp"},
		{"logs -u hello -n 1", 0, "hello"},
		{"why nginx", 0, "nginx.service is active"},
		{"blame", 0, "clarity-setup.service"},
		{"verify redis-server", 0, "SystemCallFilter= is read but not enforced yet"},
		{"reload nginx", 0, ""},
		{"restart chrony", 0, ""},
		{"stop hello", 0, ""},
		{"status hello", 0, "state    inactive (dead)"},
		{"start hello", 0, ""},
		{"status hello", 0, "status   answers on [::]:8080"},
		{"restart hello", 0, ""},
		{"reload hello", 1, "hello.service has no ExecReload="},
		{"status nobody-knows", 5, "nobody-knows.service"},
		{"start nobody-knows", 5, "nobody-knows.service"},
		{"why nobody-knows", 5, "nobody-knows.service"},
		{"cat nobody-knows", 5, "nobody-knows.service"},
		{"frobnicate", 2, "unknown command"},
		{"start", 2, "arg(s)"},
	} {
		if out, code := d.ctl(strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.says) {
			d.Errorf("clarityctl %s exits with %d, want %d and %q:\n%s", c.args, code, c.code, c.says, out)
		}
	}
	for _, args := range []string{"status", "status nginx", "list", "cat nginx", "why nginx", "blame", "verify", "wait", "restart hello", "logs -n 3"} {
		out, code := d.ctl(append([]string{"--json"}, strings.Fields(args)...)...)
		for lines := json.NewDecoder(strings.NewReader(out)); lines.More(); {
			var v any
			if err := lines.Decode(&v); err != nil {
				d.Errorf("clarityctl --json %s: %v in %s", args, err, out)
				break
			}
		}
		if code != 0 || out == "" {
			d.Errorf("clarityctl --json %s exits with %d: %s", args, code, out)
		}
	}
	d.serves()

	before := d.unit("hello.service")
	if out, code := d.ctl("restart", "hello"); code != 0 {
		d.Errorf("restart: %d, %s", code, out)
	}
	if after := d.unit("hello.service"); after.MainPID == before.MainPID || after.Active != "active" {
		d.Errorf("after a restart hello is %s with process %d, which was %d", after.Active, after.MainPID, before.MainPID)
	}
}

// others has a service of another user than root ask for all that root may: it
// sees states, and nothing else. The unit comes to a machine that runs.
func others(d demo) {
	const unit = `[Service]
Type=oneshot
User=nobody
ExecStart=/bin/sh -c 'clarityctl status redis-server && echo may see; clarityctl stop redis-server || echo may not stop; clarityctl logs || echo may not read; clarityctl poweroff || echo may not power off'
`
	if err := d.PushBytes(d.T.Context(), "/etc/systemd/system/curious.service", 0o644, []byte(unit)); err != nil {
		d.Fatal(err)
	}
	for _, args := range []string{"reload-plan", "start curious"} {
		if out, code := d.ctl(strings.Fields(args)...); code != 0 {
			d.Fatalf("clarityctl %s exits with %d: %s", args, code, out)
		}
	}
	out, _ := d.ctl("logs", "-u", "curious")
	for _, want := range []string{"may see", "may not stop", "may not read", "may not power off", "only root may do that"} {
		if !strings.Contains(out, want) {
			d.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if u := d.unit("redis-server.service"); u.Active != "active" || u.Restarts > 0 {
		d.Errorf("redis-server is %s after that", u.Active)
	}
}
