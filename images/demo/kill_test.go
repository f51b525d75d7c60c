package demo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"clarityos/qemu"
	"clarityos/qemu/agent"
	"clarityos/services/supervisor"
)

// kills sends SIGKILL to the main process of each unit in turn, daemons and
// components alike; each comes back and serves again.
func kills(d demo) {
	for _, u := range d.units() {
		if u.MainPID > 0 {
			d.kill(u)
			d.Must(limit, d.restarted(u))
		}
	}
	d.serves()
	d.login("true")
	if out, code := d.ctl("wait"); code != 0 {
		d.Errorf("clarityctl wait exits with %d:\n%s", code, out)
	}
	d.Must(limit, d.noZombie())
}

// killLog kills the log component between lines: each of them is there once.
func killLog(d demo) {
	d.page(helloPort, "/before")
	u := d.unit("clarity-log.service")
	d.kill(u)
	d.page(helloPort, "/meanwhile")
	d.Must(limit, d.restarted(u))
	d.page(helloPort, "/after")
	var out string
	d.Must(limit, qemu.Eventually("the last line to be in the log", func(ctx context.Context) error {
		if out, _ = d.ctl("logs", "-u", "hello"); !strings.Contains(out, "/after") {
			return fmt.Errorf("the log is %s", out)
		}
		return nil
	}))
	for _, page := range []string{"/before", "/meanwhile", "/after"} {
		if n := strings.Count(out, "asks for "+page+"\n"); n != 1 {
			d.Errorf("%s is %d times in the log:\n%s", page, n, out)
		}
	}
}

// kill ends a unit's main process.
func (d demo) kill(u supervisor.View) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), limit)
	defer cancel()
	// The agent may be the victim, and then does not tell of it.
	res, err := d.Machine.Run(ctx, agent.Command{Args: []string{"kill", "-9", fmt.Sprint(u.MainPID)}})
	if err != nil && !errors.Is(err, agent.ErrRestarted) || err == nil && !res.OK() {
		d.Fatalf("kill %s: %v, %v", u.Name, res, err)
	}
}

// restarted holds once a unit is up with another main process.
func (d demo) restarted(before supervisor.View) qemu.Condition {
	return qemu.Eventually(before.Name+" to run anew", func(ctx context.Context) error {
		u, err := d.view(ctx, before.Name)
		if err == nil && (u.Active != "active" || u.MainPID == 0 || u.MainPID == before.MainPID) {
			err = fmt.Errorf("it is %s with process %d, after %d: %s", u.Active, u.MainPID, before.MainPID, u.Cause)
		}
		return err
	})
}

// noZombie holds once no process waits to be reaped.
func (d demo) noZombie() qemu.Condition {
	return qemu.Eventually("every zombie to be reaped", func(ctx context.Context) error {
		// Processes come and go meanwhile.
		res, err := d.Shell(ctx, "cat /proc/[0-9]*/status 2>/dev/null; true")
		if err != nil {
			return err
		}
		for process := range strings.SplitSeq(string(res.Stdout), "Name:") {
			if strings.Contains(process, "\nState:\tZ") {
				return fmt.Errorf("a zombie: %s", process)
			}
		}
		return nil
	})
}
