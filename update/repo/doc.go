// Package repo makes the repository from which machines update: a folder that any web
// server serves, signed by metadata of The Update Framework (TUF, specification 1.0).
//
//	metadata/N.root.json       who may sign what; every version
//	metadata/timestamp.json    the newest snapshot; the only file that is replaced
//	metadata/N.snapshot.json   the newest targets
//	metadata/N.targets.json    the targets: name, length, SHA-256
//	targets/DIR/SHA256.FILE    the targets
//	data/                      what targets refer to, named by its hash; not this package's
//	pending/N.root.json        a root that has not all its signatures
//
// The files of the package:
//
//	repo.go      the repository: opening it, one change at a time, Add and Refresh
//	state.go     its metadata as it is now, by the way that a client goes
//	issue.go     new targets, snapshot and timestamp, and the order of writing
//	root.go      roots: Init, Rotate, Sign, and their publication
//	sign.go      signatures and thresholds
//	check.go     what a client would say
//	write.go     writing that outlasts a power cut
//
// The same calls with the same keys and times make the same bytes. Only programs on a
// workstation or a server import it.
//
// Never: a file that a client could be reading is changed, save the timestamp; a file is
// named before it is there; the clock is read.
package repo
