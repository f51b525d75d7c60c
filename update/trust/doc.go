// Package trust decides what a machine may install: the targets that a repository offers
// by metadata of The Update Framework (TUF, specification 1.0), and why it offers none.
//
// The metadata is bytes from a network, read by a large parser, so a child process reads
// it (package update/trust/tuf). The child has no files, no network and no privileges; it
// asks for each file, and this package gets it from a Source.
//
//	refresh.go   the child's life, and the answers it is given
//	protocol.go  what the two say to each other, and the bounds of it
//	answer.go    what of the child's result is believed
//	names.go     the names that files and targets may have
//	refusal.go   why metadata is not trusted
//	store.go     what the machine keeps, against roll-back
//	time.go      the reference time
//
// Programs on a machine may import it; it imports nothing of ours.
//
// Never: metadata is parsed here, a name that the child made up is passed on, or what is
// stored is taken away.
package trust
