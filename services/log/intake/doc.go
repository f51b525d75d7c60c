// Package intake is the component that fills the log store: `clarityd log`.
//
// What lives here: what PID 1 and the component say to each other (wire.go),
// the streams of services (stream.go, spool.go, lines.go), the datagram sockets
// and the kernel's ring (socket.go, kmsg.go), what arrives on them (syslog.go,
// journal.go), whose process it came from (unit.go), how much of it is kept
// (rate.go, rules.go) and the loop (component.go, link.go).
//
// It may be killed at any instruction and loses nothing, and stores nothing
// twice. PID 1 holds every pipe and socket; what is consumed from one is stored
// first, or can be told from what is stored:
//
//   - A pipe is moved by splice(2) into a spool file on tmpfs. The kernel takes
//     bytes from the pipe and makes the file longer within one system call
//     that a signal cannot split (fs/splice.c, iter_file_splice_write), so the
//     length of the file is how far the pipe was read. Lines are stored with
//     the offset behind them, and then punched out of the file.
//   - A datagram is looked at with MSG_PEEK, stored with the kernel's time
//     stamp of it, and then taken. A new component compares the first datagram
//     that it sees with the stamp in the store.
//   - /dev/kmsg numbers its records. A new component reads from the oldest and
//     skips what is stored.
//
// What is not kept is counted. Messages beyond a unit's rate, and output that a
// full disk has no room for, are told of in a record, once it is stored. A count
// is stored as a mark, or shows in a spool as a hole, and so it outlives the
// component; only of messages to the sockets, those of one turn can go uncounted
// when it is killed, and those that a full disk cost since it was full.
//
// Who may import it: cmd/clarityd, services/log/conf. It imports services/log.
//
// What it never does: block on PID 1, on a service or on a disk that syncs,
// run a second goroutine that touches the store, or parse without limits.
package intake
