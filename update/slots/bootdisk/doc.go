// Package bootdisk is the disk that a machine was booted from: its partitions by their
// names, and the record of slots that is on one of them. Stage 1, the component that
// watches over the slots and clarityctl use it; what the record comes to is decided by
// package slots.
//
//	find.go    the machine's disk
//	record.go  the record on it
package bootdisk
