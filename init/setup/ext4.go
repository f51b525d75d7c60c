package setup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
)

// Repair has the ext4 on a device or in a file be whole again, after whatever power cut, with all that
// had been synced. Its error is that somebody has to look at it.
func Repair(device string, say func(string)) error {
	how := "-p"
	if head, err := readHead(device); err == nil && Torn(head) {
		say(device + ": its superblock is not whole; another copy of it is taken, and all is checked")
		how = "-y" // -p takes no other copy
	}
	err := command("/usr/sbin/e2fsck", how, device)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		say(device + ": errors were corrected")
	case errors.As(err, &exit) && exit.ExitCode()&^3 == 0:
	case err != nil:
		return fmt.Errorf("%w; /var is in memory; repair it by hand with e2fsck %s, or: %s", err, device, offer)
	}
	return nil
}

// check repairs and grows an existing file system.
func check(device string, say func(string)) error {
	if err := Repair(device, say); err != nil {
		return err
	}
	size, used, err := sizes(device)
	if err != nil || used >= size-size/100 {
		return err
	}
	say(fmt.Sprintf("%s: growing the file system from %d to %d MiB", device, used>>20, size>>20))
	var exit *exec.ExitError
	if err := command("/usr/sbin/e2fsck", "-f", "-p", device); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return err
	}
	return command("/usr/sbin/resize2fs", device)
}

// The superblock of fs/ext4/ext4.h: its place, and fields in it.
const (
	superblock   = 1024
	sbBlocks     = 0x04
	sbLogBlock   = 0x18
	sbMagic      = 0x38
	sbReadOnly   = 0x64 // what has to be known of its form to write to it
	sbLabel      = 0x78
	sbBlocksHigh = 0x150
	sbChecksum   = 0x3FC // of what is in front of it
	ext4Magic    = 0xEF53
	metadataCRC  = 0x400 // of sbReadOnly
)

// ext4Label reads the label out of the first bytes of an ext2, 3 or 4.
func ext4Label(head []byte) (string, bool) {
	sb := head[superblock:]
	if binary.LittleEndian.Uint16(sb[sbMagic:]) != ext4Magic {
		return "", false
	}
	label, _, _ := bytes.Cut(sb[sbLabel:sbLabel+16], []byte{0})
	return string(label), true
}

// SuperblockEnd is where the superblock of an ext4 ends, in bytes from its begin.
const SuperblockEnd = 2048

// Torn says whether the first bytes of an ext4, SuperblockEnd or more, have a superblock that is not
// whole: a power cut may leave one sector of it as it was, and the other one new.
func Torn(head []byte) bool {
	sb := head[superblock:]
	_, is := ext4Label(head)
	return is && binary.LittleEndian.Uint32(sb[sbReadOnly:])&metadataCRC != 0 &&
		binary.LittleEndian.Uint32(sb[sbChecksum:]) != ^crc32.Checksum(sb[:sbChecksum], crc32.MakeTable(crc32.Castagnoli))
}

// sizes gives the sizes of a device and of the file system on it, in bytes.
func sizes(device string) (disk, used uint64, err error) {
	head, err := readHead(device)
	if err != nil {
		return 0, 0, err
	}
	sb := head[superblock:]
	blocks := uint64(binary.LittleEndian.Uint32(sb[sbBlocks:])) | uint64(binary.LittleEndian.Uint32(sb[sbBlocksHigh:]))<<32
	used = blocks << (10 + binary.LittleEndian.Uint32(sb[sbLogBlock:]))
	f, err := os.Open(device)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	return uint64(end), used, err
}
