// Package qemu starts images under QEMU and talks to them. It is what `clarity
// run`, `clarity test` and every boot test stand on.
//
//	m := qemu.ForTest(t, qemu.Config{Image: img})
//	m.Must(30*time.Second, m.ConsoleLine(`boot complete`))
//	out := m.MustShell("redis-cli set colour blue && redis-cli save")
//	m.CutPower(); m.PowerOn()
//
// What lives here: the arguments (args.go, pure), the choice of acceleration
// (accel.go), QEMU's control socket (qmp.go), the console (console.go), the
// machine with its power switch (machine.go) and the things that can be waited
// for (condition.go). qemu/agent is the channel into the guest, qemu/checks
// the script language of `clarity test`.
//
// Who may import it: cmd/clarity, learn's trainer and tests. It imports images
// and qemu/agent.
//
// What it never does: open a path or a port that somebody else could reach or
// already has. Console, agent and QMP are socket pairs that QEMU inherits, and
// it draws the ports of forwards itself, on 127.0.0.1 only. QEMU dies with us,
// and nothing is waited for without a deadline and a name.
package qemu
