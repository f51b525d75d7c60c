package sockets

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// answer is a struct unix_diag_msg with attributes.
func answer(inode uint32, attributes ...[]byte) []byte {
	n := binary.NativeEndian
	raw := make([]byte, answerSize)
	raw[0] = unix.AF_UNIX
	n.PutUint32(raw[4:], inode)
	for _, a := range attributes {
		raw = append(raw, a...)
		raw = append(raw, make([]byte, -len(raw)&3)...)
	}
	return raw
}

func attribute(kind uint16, value string) []byte {
	raw := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	return append(binary.NativeEndian.AppendUint16(raw, kind), value...)
}

func TestConnection(t *testing.T) {
	peer := attribute(diagPeer, string(binary.NativeEndian.AppendUint32(nil, 9)))
	for name, c := range map[string]struct {
		raw  []byte
		want Connection
		ok   bool
	}{
		"a path":       {answer(8, attribute(diagName, "/run/db\x00"), peer), Connection{8, 9, "/run/db"}, true},
		"abstract":     {answer(8, attribute(diagName, "\x00db"), attribute(6, "x"), peer), Connection{8, 9, "@db"}, true},
		"no name":      {answer(8, peer), Connection{8, 9, ""}, true},
		"no peer":      {answer(8, attribute(diagName, "/run/db")), Connection{8, 0, "/run/db"}, true},
		"short":        {answer(8)[:10], Connection{}, false},
		"too long":     {answer(8, []byte{200, 0, 0, 0}), Connection{Inode: 8}, false},
		"no size":      {answer(8, []byte{0, 0, 0, 0}), Connection{Inode: 8}, false},
		"half of it":   {append(answer(8, peer), 1), Connection{8, 9, ""}, true},
		"other family": {make([]byte, answerSize), Connection{}, false},
	} {
		if got, ok := connection(c.raw); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}
