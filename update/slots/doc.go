// Package slots keeps the record of a machine's two root slots and decides which one a
// boot uses. A record is a value; what becomes of it is decided by pure functions: Choose
// at the begin of a boot, Failed and MarkGood as the boot goes, BeginWrite, Installed and
// Try when another system is put into a slot.
//
//	record.go  the record and its bytes
//	copies.go  two copies of it on a disk
//	choose.go  which slot a boot uses
//	mark.go    what becomes of slots
package slots
