package main_test

// The bomb has as many processes as it may have, no more, and its end is sure
// although it forks faster than signals can be sent.
func forkBomb(a attacked) {
	a.under(`clarityctl start bomb
		until grep -q 'max [1-9]' /sys/fs/cgroup/system.slice/bomb.service/pids.events; do sleep 0.1; done
		test $(cat /sys/fs/cgroup/system.slice/bomb.service/pids.current) -le 50 || exit 2
		clarityctl restart steady || exit 3
		clarityctl stop bomb
		test ! -e /sys/fs/cgroup/system.slice/bomb.service || { clarityctl status bomb; exit 4; }`)
	a.MustShell(limit, "clarityctl reset-failed bomb")
}

func doubleForks(a attacked) {
	a.under(`clarityctl start double
		first=$(cat /sys/fs/cgroup/system.slice/double.service/cgroup.procs)
		until [ "$(cat /sys/fs/cgroup/system.slice/double.service/cgroup.procs)" != "$first" ]; do true; done
		clarityctl stop double; test ! -e /sys/fs/cgroup/system.slice/double.service`)
	a.MustShell(limit, "clarityctl reset-failed double")
}

// A write to a frozen file system waits in state D, where no signal reaches it.
// The log component waits with it: its store lies there too.
func uninterruptible(a attacked) {
	a.under(`clarityctl status clarity-setup | grep -q active || exit 1
		grep -q ' /var ext4 ' /proc/mounts || exit 2
		talk freeze=/var exit=0 || exit 3
		clarityctl start writer; old=/sys/fs/cgroup/system.slice/writer.service
		until grep -q '^State:.D' /proc/$(cat $old/cgroup.procs)/status; do sleep 0.1; done
		clarityctl stop writer
		clarityctl status writer; clarityctl --json status writer | grep -q '"abandoned": true' || s=4
		grep -q 'populated 1' $old/cgroup.events || s=5
		clarityctl start writer; grep -q 'populated 1' "$old~1/cgroup.events" || s=6
		clarityctl restart steady || s=7
		talk thaw=/var exit=0; exit $s`)
	a.MustShell(limit, "clarityctl stop writer; clarityctl reset-failed writer; rm -f /var/written")
	a.Must(limit, a.Succeeds("test ! -e /sys/fs/cgroup/system.slice/writer.service~1"))
	a.logs("steady", "began")
}

func fullRun(a attacked) {
	a.under(`dd if=/dev/zero of=/run/filler bs=65536 count=100000 2>/dev/null; dd if=/dev/zero of=/run/filler2 bs=4096 count=1000 2>/dev/null
		clarityctl status; clarityctl restart steady; rm -f /run/filler /run/filler2; clarityctl restart steady`)
}

// The eater has no limit of its own: the kernel chooses, and PID 1 is told.
func noMemory(a attacked) {
	a.MustShell(limit, "test $(cat /sys/fs/cgroup/init.scope/memory.min) -gt 1000000; test $(cat /sys/fs/cgroup/init.scope/memory.max) = max")
	a.under(`clarityctl start eater; until clarityctl --json status eater | grep -q '"active": "failed"'; do sleep 0.1; done`)
	if u := a.unit("eater").Units[0]; u.Result != "oom-kill" {
		a.Errorf("%+v", u)
	}
	a.MustShell(limit, "clarityctl reset-failed eater")
}

// PID 1 says that a unit could not start for want of descriptors, and starts it
// when it has some again.
func noDescriptors(a attacked) {
	a.under(`talk nofile=0 exit=0 || exit 1
		kill -9 $(cat /sys/fs/cgroup/system.slice/steady.service/cgroup.procs)
		until clarityctl events 2>/dev/null | grep -q 'too many open files'; do sleep 0.1; done
		talk nofile=4096 exit=0`)
}

// Spans are measured by a clock that nobody sets.
func clockJumps(a attacked) {
	for _, by := range []string{"175200h", "-350400h", "175200h"} {
		a.under(`talk clock=` + by + ` exit=0; date
			clarityctl start deaf; clarityctl stop deaf; clarityctl --json status deaf | grep -q '"result": "timeout"' || exit 1
			clarityctl reset-failed deaf; clarityctl restart steady`)
		a.MustShell(limit, `n=$(clarityctl logs -u steady | wc -l); clarityctl restart steady
			until [ $(clarityctl logs -u steady | wc -l) -gt $n ]; do sleep 0.1; done`)
	}
}

func componentsKilled(a attacked) {
	a.under("talk slay=log:8 slay=devices:7 slay=network:7 exit=0")
	for _, name := range []string{"clarity-log.service", "clarity-devices.service", "clarity-network.service"} {
		a.becomes(name, "active")
	}
}
