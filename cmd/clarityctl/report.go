package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/learn/graph"
	"clarityos/learn/profiles"
	"clarityos/learn/report"
	"clarityos/learn/status"
	"clarityos/services/control"
)

// mostProfiles is of how many units a report has profiles: of those that took longest.
const mostProfiles = 64

// settled waits until the boot has settled. PID 1 says when it is complete; the rest is
// time, and nobody's concern where nothing is learned.
func (c *ctl) settled(ctx context.Context) error {
	var r control.StatusReply
	if err := c.call(ctx, "Wait", nil, &r); err != nil {
		return err
	}
	if _, err := c.askGraph(ctx, false); err != nil {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After((&graph.Boot{Took: r.Summary.BootTime}).Settles() - r.Now):
		return nil
	}
}

// report asks for all that is known of this boot. Without the learning component there is
// a report too, and it says so.
func (c *ctl) report(ctx context.Context) (*report.Report, error) {
	a := report.Answers{Taken: time.Now(), Machine: machine()}
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		a.BootID = strings.TrimSpace(string(id))
	}
	var relations control.RelationsReply
	if err := errors.Join(c.ask(ctx, "List", nil, &a.List), c.ask(ctx, "Relations", nil, &relations)); err != nil {
		return nil, err
	}
	a.Declared = relations.Units
	if err := c.learned(ctx, &a); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a.Notes = append(a.Notes, fmt.Sprintf("What was learned is missing: %v. An image learns with `learn = true` in its clarity.toml, unless `clarity.learn=off` is on the kernel's command line; `clarityctl status clarity-learn` tells how it is.", err))
	}
	return report.Of(a), nil
}

// learned asks the learning component. What it has told before it failed is kept.
func (c *ctl) learned(ctx context.Context, a *report.Answers) error {
	before, err := c.askGraph(ctx, true)
	if err != nil {
		return err
	}
	now, err := c.askGraph(ctx, false)
	if err != nil {
		return err
	}
	a.Before, a.Now = &before, &now
	units, _, _ := report.Lives(a.List)
	slices.SortStableFunc(units, func(x, y report.Unit) int { return cmp.Compare(y.Ready-y.Begun, x.Ready-x.Begun) })
	asked := 0
	for _, u := range units {
		if !strings.HasSuffix(u.Name, ".service") {
			continue
		}
		if asked++; asked > mostProfiles {
			a.Notes = append(a.Notes, fmt.Sprintf("Profiles are those of the %d services that took longest to start; `clarityctl profile UNIT` has the others.", mostProfiles))
			return nil
		}
		for _, ph := range profiles.Phases() {
			p, err := c.askPhase(ctx, u.Name, ph)
			if err != nil {
				return fmt.Errorf("ask for the profile of %s: %w", u.Name, err)
			}
			a.Profiles = append(a.Profiles, p)
		}
	}
	return nil
}

func (c *ctl) askPhase(ctx context.Context, unit string, ph profiles.Phase) (status.ProfileReply, error) {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	return status.AskProfile(ctx, c.busSocket, status.ProfileRequest{Unit: unit, Phase: ph})
}

// machine describes this one, as far as it can be read.
func machine() report.Machine {
	m := report.Machine{CPUs: runtime.NumCPU(), System: systemName()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Host, m.Kernel, m.Arch = unix.ByteSliceToString(u.Nodename[:]), unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
	}
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		m.Memory = uint64(s.Totalram) * uint64(s.Unit)
	}
	return m
}

// systemName is PRETTY_NAME of os-release(5).
func systemName() string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, ok := strings.CutPrefix(s.Text(), "PRETTY_NAME="); ok {
			return strings.Trim(name, `"'`)
		}
	}
	return ""
}
