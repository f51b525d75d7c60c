// Package tuf is the child's side of package trust: it reads metadata by go-tuf, in a
// process that can do nothing else, and follows the client workflow of the TUF
// specification 1.0 (5.3 to 5.6) without delegations.
//
//	main.go      the child's main function
//	confine.go   what the process gives up first
//	landlock.go  Landlock with no rights at all
//	client.go    the workflow
//	stored.go    what stored files prove: the floors of versions, and a lower bound of the time
//	metadata.go  one metadata file: bytes to a value that is fit for use, and why not
//
// Where it is stricter than the specification: the timestamp and the snapshot have to
// give the length and the SHA-256 of what they name, so that snapshot and targets are
// parsed only once their hashes hold; a root has to have a threshold of at least one for
// each role and consistent snapshots; and a stored file protects without the others.
//
// Programs that become the child import it, and the publisher's check, on a workstation.
//
// Never: a file is read or written by its name, a delegation is followed, or a panic of
// the parser is anything but a refusal.
package tuf
