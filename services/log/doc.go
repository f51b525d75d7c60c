// Package log is the store of what services, the kernel and PID 1 say.
//
// What lives here: the record (record.go) and what a JSON line says in it
// (structure.go), the files that keep records (frame.go, segment.go, index.go,
// store.go, open.go, limits.go), the ways to read them (query.go, read.go,
// last.go, follow.go, boots.go, verify.go) and to print them (entry.go,
// format.go, print.go). services/log/intake is the component that fills the
// store, services/log/conf its configuration, and services/log/forward sends
// what is in it to a syslog server.
//
// A store is a folder of segments. A segment belongs to one boot, is only
// appended to, and begins with a head that says how far each source had been
// read when it was begun; each record says how far its own source was read
// with it. So the newest segment alone tells where a new component has to go
// on, and nothing is stored twice or not at all, whenever the old one was
// killed. A sealed segment gets an index: which units and times are in which of
// its blocks.
//
//	0000000000000001.log   a segment; the highest number is being written
//	0000000000000001.idx   its index, once sealed; made anew if it is missing
//	0000000000000002.bad   a segment with damage in it, set aside, still read
//	moved                  the folder where the store has gone to
//
// Who may import it: the packages below it, cmd/clarityctl, cmd/clarityd. It
// imports nothing of ours.
//
// What it never does: keep a whole segment in memory, grow beyond its limits,
// or have two writers.
package log
