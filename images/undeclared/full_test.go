//go:build full

package undeclared

import (
	"context"
	"testing"
	"time"

	"clarityos/qemu"
	"clarityos/services/plan"
)

// What was learned is used only by boots that complete, and costs bounded time whatever
// is in it.
func TestOrderGivesWay(t *testing.T) {
	m := counting(t)
	m.knows(1, needs...)
	m.reboot()
	m.ordered()
	m.Run("power is cut before a boot completes", func(t *testing.T) {
		m := m.in(t)
		m.keeps()
		m.MustShell(limit, "mv /var/lib/clarity/order /var/lib/clarity/order.trying; sync")
		m.cut()
		m.declared()
		m.says("clarityctl logs -b -u clarity-setup", qemu.Has("the last boot that was started by what was learned did not complete; this one is as declared"))
		m.reboot()
		m.ordered()
	})
	m.Run("an order in which all wait for each other", func(t *testing.T) {
		m := m.in(t)
		m.give(hostile(t, m.machine()))
		m.reboot()
		m.says("clarityctl graph", qemu.Has("this one was started by what they taught, and the next 1 boot will be as declared: it took "))
		m.reboot()
		m.declared()
		m.reboot()
		m.ordered()
	})
	m.Run("a damaged order", func(t *testing.T) {
		m := m.in(t)
		m.give([]byte("garbage"))
		m.reboot()
		m.declared()
		m.says("clarityctl logs -b -u clarity-setup", qemu.Has("/var/lib/clarity/order: the order: "))
		m.MustShell(limit, "test -e /var/lib/clarity/order.bad")
	})
	m.Run("a word on the command line turns it off", func(t *testing.T) {
		m := m.in(t)
		m.keeps()
		off := m.again(func(c *qemu.Config) { c.Append = "clarity.learn=off" })
		off.says("clarityctl logs -b -u maker", qemu.HasNot("is ready: what others need"))
		off.MustShell(limit, "test -e /var/lib/clarity/order; ! test -e /run/clarity/order; ! clarityctl is-active clarity-learn")
	})
}

// A unit that is changed to need another one than before is known for what it is within
// three boots, in which it starts all the same.
func TestChange(t *testing.T) {
	m := counting(t)
	m.knows(1, needs...)
	m = m.again(func(c *qemu.Config) { c.Image = build(t, "moved.toml") })
	m.reboot()
	m.reboot()
	m.knows(4, "app ordering maker", "reader hard maker", "visitor runtime store")
	m.keeps()
	m.reboot()
	m.says("clarityctl graph", qemu.Has("this one was started by what they taught"))
	m.says("clarityctl logs -b -u maker", qemu.Has("maker.service is ready: what others need of it is there"))
}

// What the goal does not need begins once the goal is reached, as soon as it is known what
// it needs.
func TestGoal(t *testing.T) {
	m := boot(t, "goal.toml")
	const begins, goal = "$(clarityctl show bystander -p InactiveExitTimestampMonotonic --value)", "$(clarityctl show app -p ActiveEnterTimestampMonotonic --value)"
	m.knows(1, needs...)
	m.MustShell(limit, "test "+begins+" -lt "+goal)
	m.reboot()
	m.says("clarityctl graph", qemu.Has("this one was started by what they taught"))
	m.MustShell(limit, "test "+begins+" -gt "+goal)
}

// A boot that is started by what was learned gets by with a disk that is slow and with a
// service that hangs: what waits for it starts without, and what was learned stays.
func TestInjected(t *testing.T) {
	m := boot(t, "hangs.toml")
	m.knows(1, needs...)
	m.reboot()
	m.ordered()
	m = m.again(func(c *qemu.Config) { c.Extra = []string{"-set", "drive.var.throttling.iops-total=20"} })
	m.ordered()
	m = m.again(func(c *qemu.Config) { c.Extra, c.Append = nil, "store.hangs" })
	m.says("clarityctl logs -b -u store", qemu.Has("hangs"))
	m.says("clarityctl graph", qemu.Has("this one was started by what they taught"))
	m.says("clarityctl logs -b -u app", qemu.Has("up"))
	m = m.again(func(c *qemu.Config) { c.Append = "" })
	m.knows(5, needs...)
}

// counting boots a machine whose clock counts instructions: what a boot takes, and whether a
// unit is quiet for a second, does not depend on the host.
func counting(t *testing.T) machine {
	t.Helper()
	img := build(t)
	return start(t, qemu.Config{Image: img, Disk: t.TempDir() + "/var", DiskSize: img.DataSize, Accel: qemu.TCG, CountInstructions: true})
}

// keeps waits until this boot has completed with an order for the next one.
func (m machine) keeps() {
	m.Helper()
	m.Must(limit, m.Succeeds("test -e /var/lib/clarity/order -a ! -e /var/lib/clarity/order.trying"))
}

// again turns the machine off, and gives one that has its disk and differs by change.
func (m machine) again(change func(*qemu.Config)) machine {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.T.Context(), limit)
	defer cancel()
	if err := m.PowerOff(ctx); err != nil {
		m.Fatal(err)
	}
	cfg := m.cfg
	change(&cfg)
	return start(m.T, cfg)
}

// declared holds a boot to have been started as declared.
func (m machine) declared() {
	m.Helper()
	m.says("clarityctl graph", qemu.Has("this one was started as declared"))
}

// cut cuts the machine's power and gives it back.
func (m machine) cut() {
	m.Helper()
	m.CutPower()
	<-m.Off()
	if err := m.PowerOn(); err != nil {
		m.Fatal(err)
	}
	m.up()
}

// give has the next boot be started by an order.
func (m machine) give(order []byte) {
	m.Helper()
	m.MustShell(limit, "clarityctl stop clarity-learn") // it would write its own
	ctx, cancel := context.WithTimeout(m.T.Context(), limit)
	defer cancel()
	if err := m.PushBytes(ctx, "/var/lib/clarity/order", 0o600, order); err != nil {
		m.Fatal(err)
	}
}

// machine is the kind of this one, by the order that it has learned.
func (m machine) machine() string {
	m.Helper()
	m.keeps()
	ctx, cancel := context.WithTimeout(m.T.Context(), limit)
	defer cancel()
	file, err := m.Fetch(ctx, "/var/lib/clarity/order")
	if err != nil {
		m.Fatal(err)
	}
	o, err := plan.DecodeOrder(file)
	if err != nil || o.Machine == "" {
		m.Fatalf("%+v, %v", o, err)
	}
	return o.Machine
}

// hostile is an order in which every unit waits as long as can be for every other one,
// and shows itself by what nobody makes.
func hostile(t *testing.T, machine string) []byte {
	units := []string{"store.service", "app.service", "maker.service", "reader.service", "visitor.service", "bystander.service"}
	o := plan.Order{Machine: machine, Marks: map[string][]plan.Mark{}, Ranks: map[string]time.Duration{}}
	for _, u := range units {
		for _, on := range units {
			if u != on {
				o.After = append(o.After, plan.Learned{Unit: u, On: on, Limit: plan.SoftFor(time.Hour)})
			}
		}
		o.Marks[u] = []plan.Mark{{Kind: "unix", Name: "/run/nobody"}}
		o.Ranks[u] = -time.Hour
	}
	file, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}
