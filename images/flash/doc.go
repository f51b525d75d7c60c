// Package flash writes an image of a disk to a device, and reads it back.
//
// What is to be on the device is a Disk: the image, with GUIDs that are drawn anew, the
// boot entries that name one of them, and the partition table made for the device's size.
// It is worked out before anything is written. Then (write.go):
//
//  1. The device's first MiB, which has the table, and its end, which has the table's copy,
//     are made zeros. From here on no firmware and no kernel finds a partition.
//  2. What are holes in the image is made zeros, what are data is written, and all of it is
//     read back.
//  3. The copy of the table, the first MiB but for its first 4 KiB, and those 4 KiB are
//     written, each synced and read back before the next one. The last are what makes the
//     rest a disk, and they are there only if all else is.
//
// So a disk that was written by half has no table, whatever the moment at which power or
// the device failed. Writing it again with Options.Resume compares first, and writes only
// what differs: there is no file about how far it came, which could be wrong.
//
//	entries.go  where boot entries name the partition of the slots' record
//	disk.go     what is to be on the device
//	write.go    writing it, in that order
//	flash.go    the command: an image, a device
//	use.go      what a device is in use for, by /sys and /proc
//	accept.go   whether a device may be written to
//	device.go   a device's or a file's system calls
//	meter.go    progress, as a line
//
// Who may import it: cmd/clarity. It never asks, and never writes to what was not named.
package flash
