// Package convert writes a raw disk in another format: qcow2 and VHD by qemu-img, and raw
// packed by zstd.
//
//	convert.go  formats, and a file that is there whole or not at all
//	formats.go  what writes each of them
//
// Who may import it: cmd/clarity. It changes nothing in a disk.
package convert
