package images

import (
	"fmt"
	"io"
	"io/fs"
)

// WriteNewc writes the tree as a cpio archive in the newc format that the
// kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst):
// sorted, every file with the time epoch, inode numbers counted from 1. The
// bytes depend on nothing else.
func (t *Tree) WriteNewc(w io.Writer, epoch int64) error {
	for i, p := range t.Paths() {
		e := t.entries[p]
		data, err := e.Bytes()
		if e.Mode&fs.ModeSymlink != 0 {
			data = []byte(e.Link)
		}
		if err != nil {
			return fmt.Errorf("archive /%s: %w", p, err)
		}
		if err := newcMember(w, i+1, p, e, epoch, data); err != nil {
			return fmt.Errorf("archive /%s: %w", p, err)
		}
	}
	return newcMember(w, 0, "TRAILER!!!", &Entry{Mode: fs.ModeIrregular}, 0, nil)
}

func newcMember(w io.Writer, inode int, name string, e *Entry, epoch int64, data []byte) error {
	links := 1
	if e.Mode.IsDir() {
		links = 2
	}
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		inode, unixMode(e.Mode), e.UID, e.GID, links, uint32(epoch), len(data),
		0, 0, e.Major, e.Minor, len(name)+1, 0, name)
	var zeros [4]byte
	for _, part := range [][]byte{[]byte(head), zeros[:-len(head)&3], data, zeros[:-len(data)&3]} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// unixMode turns Go's mode bits into those of stat(2).
func unixMode(m fs.FileMode) uint32 {
	u := uint32(m.Perm())
	for bit, unix := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			u |= unix
		}
	}
	switch {
	case m&fs.ModeIrregular != 0:
		return 0
	case m.IsDir():
		return u | 0o040000
	case m&fs.ModeSymlink != 0:
		return u | 0o120000
	case m&fs.ModeCharDevice != 0:
		return u | 0o020000
	case m&fs.ModeDevice != 0:
		return u | 0o060000
	case m&fs.ModeNamedPipe != 0:
		return u | 0o010000
	}
	return u | 0o100000
}

// goMode is the opposite of unixMode for permission bits only.
func goMode(u uint32) fs.FileMode {
	m := fs.FileMode(u & 0o777)
	for bit, unix := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if u&unix != 0 {
			m |= bit
		}
	}
	return m
}
