package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/agent"
)

// Rules of PID 1, and the tests that fail when one is broken. TestAttack and
// TestOutside are TestAttack and TestAttackFromOutside below.
//
//	signals are caught, none means more than it should    TestAttack/signals, TestDrop; TestSmall/every_signal
//	no panic ends PID 1; a failed fold loses its state    TestLoopSurvivesPanic, TestTaskPanics, TestHandlerPanics,
//	                                                      TestPanicIsReportedAndRunAnew; TestRulesOfTheCode (no bare go)
//	a fork bomb starves nobody                            TestAttack/fork_bomb
//	one reaper owns every pid                             TestAttack/short_children, /orphans, /double_forks
//	children are born in their cgroup, stop ends it       TestAttack/fork_bomb, /double_forks, /TERM_ignored
//	what cannot be killed is given up, told, and replaced TestAttack/uninterruptible_wait; TestStubborn
//	a plan is checked, its copy used, or none             TestEveryFlippedBit, FuzzDecode, TestPlanFallsBack
//	PID 1 is protected from want of memory                TestAttack/out_of_memory
//	no client, queue or disk makes PID 1 wait             TestOutside/requests, /deaf_clients, /mute_clients, /noise, /full_run;
//	                                                      TestTurns, TestHostile, TestMillionRequests, FuzzWire;
//	                                                      TestAttack/uninterruptible_wait (the log is frozen too)
//	nothing ends for want of descriptors                  TestOutside/no_descriptors; TestNoDescriptors
//	spans are of CLOCK_BOOTTIME                           TestOutside/clock_jumps
//	components may die at any moment                      TestOutside/components_killed; TestDemo of images/demo
//	what services say is bounded                          TestOutside/noise; FuzzParse of init/notify
//	PID 1 imports and starts what it may                  TestRulesOfImports, TestRulesOfTheCode
//	nothing waits without a name; rescue says why         TestSmall/readiness; TestRescue of images/demo
//	shutdown is bounded, a crash restarts the machine     images/demo (TestDemo)

// attacked is a machine under attack, and what it was like before.
type attacked struct {
	machine
	boot string
	idle int // kB of anonymous memory of PID 1
}

// attack is one way to harm PID 1.
type attack struct {
	name string
	run  func(attacked)
}

// TestAttack does to PID 1 what no process should.
func TestAttack(t *testing.T) {
	withstand(t, []attack{
		{"signals", func(a attacked) { a.under("talk signals=5s exit=0") }},
		{"short children", func(a attacked) { a.under(fmt.Sprintf("clarityctl start short@%d", children)) }},
		{"orphans", func(a attacked) { a.under(fmt.Sprintf("clarityctl start orphans@%d", children/2)) }},
		{"fork bomb", forkBomb},
		{"double forks", doubleForks},
		{"TERM ignored", func(a attacked) { a.under("clarityctl start deaf; clarityctl stop deaf; clarityctl reset-failed deaf") }},
		{"uninterruptible wait", uninterruptible},
		{"out of memory", noMemory},
	})
}

// TestAttackFromOutside does to PID 1 what no client should, and takes away what
// it lives on.
func TestAttackFromOutside(t *testing.T) {
	withstand(t, []attack{
		{"full run", fullRun},
		{"no descriptors", noDescriptors},
		{"clock jumps", clockJumps},
		{"requests", func(a attacked) { a.under(fmt.Sprintf("talk requests=%d exit=0", requests)) }},
		{"deaf clients", func(a attacked) { a.clients("unread=300") }},
		{"mute clients", func(a attacked) { a.clients("mute=300") }},
		{"noise", func(a attacked) { a.under("talk noise=100 exit=0") }},
		{"components killed", componentsKilled},
	})
}

// withstand boots a machine and looks after each attack whether PID 1 is as it
// was.
func withstand(t *testing.T, attacks []attack) {
	t.Helper()
	img, _, err := images.Build(t.Context(), "testdata/attack.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, Disk: t.TempDir() + "/var", DiskSize: img.DataSize, NoReboot: true})
	tm.Must(2*limit, tm.AgentReady())
	tm.MustShell(limit, "clarityctl wait --timeout 60s")
	boot, err := tm.BootID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := attacked{machine{tm, t}, boot, 0}
	before.idle = before.settled()
	t.Logf("PID 1 has %d kB of anonymous memory", before.idle)
	for _, one := range attacks {
		t.Run(one.name, func(t *testing.T) {
			a := attacked{machine{tm.In(t), t}, before.boot, before.idle}
			one.run(a)
			a.unharmed()
		})
	}
}

// attackLimit bounds one attack.
const attackLimit = 7 * time.Minute

// under runs a script that attacks PID 1; see during.
func (a attacked) under(script string) {
	a.Helper()
	a.during(func() agent.Result { return a.runs("/bin/sh", "-c", script) })
}

// runs is a command that may fail.
func (a attacked) runs(args ...string) agent.Result {
	ctx, cancel := context.WithTimeout(a.T.Context(), attackLimit)
	defer cancel()
	res, err := a.Machine.Run(ctx, agent.Command{Args: args})
	if err != nil {
		a.Error(err)
		res.Code = -1
	}
	return res
}

// during attacks PID 1 while a unit restarts all the time and somebody asks for
// the status without end, who says in the end how long the longest answer took.
func (a attacked) during(attack func() agent.Result) {
	a.Helper()
	a.MustShell(limit, "rm -f /run/over /run/held; clarityctl start churn")
	before := a.unit("churn").Units[0].Restarts
	asked := make(chan agent.Result, 1)
	go func() { asked <- a.runs("talk", "asks=/run/over", "exit=0") }()
	results := map[string]agent.Result{"the attack": attack()}
	a.MustShell(limit, "touch /run/over")
	results["asking PID 1"] = <-asked
	for what, res := range results {
		if !res.OK() {
			a.Errorf("%s: %v", what, res)
		}
		if text := strings.TrimSpace(string(res.Stdout) + string(res.Stderr)); text != "" {
			a.Logf("%s: %s", what, text)
		}
	}
	if after := a.unit("churn").Units[0].Restarts; after == before {
		a.Errorf("meanwhile churn.service did not restart: %d times before and after", before)
	}
	a.MustShell(limit, "clarityctl stop churn")
}

// clients has connections made in great number and held, while services restart.
func (a attacked) clients(verb string) {
	a.Helper()
	a.during(func() agent.Result {
		held := make(chan agent.Result, 1)
		go func() { held <- a.runs("talk", verb, "exit=0") }()
		res := a.runs("/bin/sh", "-c", `until [ -e /run/held ]; do sleep 0.1; done
			for i in 1 2 3 4 5 6 7 8 9 10; do clarityctl restart steady || exit 1; done; touch /run/over`)
		if other := <-held; res.OK() {
			return other
		}
		return res
	})
}

// unharmed is what holds after each attack.
func (a attacked) unharmed() {
	a.Helper()
	boot, err := a.BootID(a.T.Context())
	if err != nil || boot != a.boot {
		a.Fatalf("the machine has booted again: %v", err)
	}
	a.becomes("steady.service", "active")
	before := a.unit("steady").Units[0].MainPID
	a.MustShell(limit, fmt.Sprintf("kill -9 %d", before))
	a.Must(limit, qemu.Eventually("steady.service to run anew", func(ctx context.Context) error {
		res, err := a.Machine.Run(ctx, agent.Command{Args: []string{"clarityctl", "--json", "status", "steady"}})
		if err != nil {
			return err
		}
		var r struct{ Units []struct{ MainPID int } }
		if err := json.Unmarshal(res.Stdout, &r); err != nil || len(r.Units) != 1 || r.Units[0].MainPID == 0 || r.Units[0].MainPID == before {
			return fmt.Errorf("it was process %d: %v, %s", before, err, res.Stdout)
		}
		return nil
	}))
	a.Must(limit, a.Succeeds(`! cat /proc/[0-9]*/stat 2>/dev/null | grep -q ') Z '`))
	a.Logf("PID 1 has %d kB of anonymous memory, %d before the first attack", a.settled(), a.idle)
}

// settled waits until PID 1 uses less than twice of what it did before the first
// attack (before that, until its use is steady), and says how much it is. Go
// gives memory back late, so that questions are asked meanwhile.
func (a attacked) settled() (kB int) {
	a.Helper()
	last := 0
	a.Must(3*limit, qemu.Eventually("PID 1 to use little memory", func(ctx context.Context) error {
		res, err := a.Shell(ctx, "for i in 1 2 3 4 5 6 7 8; do clarityctl list > /dev/null || exit 1; done; cat /proc/1/status")
		if err != nil {
			return err
		}
		m := regexp.MustCompile(`RssAnon:\s+(\d+) kB`).FindSubmatch(res.Stdout)
		if m == nil {
			return fmt.Errorf("%v: %s", res, res.Stdout)
		}
		_, _ = fmt.Sscan(string(m[1]), &kB)
		before := last
		last = kB
		if steady := 16*max(kB-before, before-kB) <= kB; a.idle > 0 && kB >= 2*a.idle || a.idle == 0 && !steady {
			return fmt.Errorf("it has %d kB", kB)
		}
		return nil
	}))
	return kB
}
