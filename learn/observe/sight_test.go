package observe

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// raw is a sight as the programs write it.
func raw(t *testing.T, s observeSight, object string) []byte {
	t.Helper()
	copy(s.Object[:], object)
	s.Length = uint32(len(object))
	var b bytes.Buffer
	if err := binary.Write(&b, binary.NativeEndian, &s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What the programs write is read as it is meant, by the type that is generated
// of theirs.
func TestDecode(t *testing.T) {
	if n := unsafe.Sizeof(observeSight{}); n != sightSize {
		t.Fatalf("struct sight has %d bytes, not %d", n, sightSize)
	}
	for name, c := range map[string]struct {
		raw    observeSight
		object string
		want   Sight
	}{
		"exec":     {observeSight{At: 5, Cgroup: 7, Pid: 9, Kind: 1}, "/bin/sh\x00", Sight{At: 5, Cgroup: 7, PID: 9, Kind: Exec, Path: "/bin/sh"}},
		"exit":     {observeSight{Kind: 2, Result: 3 << 8}, "", Sight{Kind: Exit, Status: 3 << 8}},
		"listen":   {observeSight{Kind: 3, Family: afInet, Type: 1, Port: 80}, "\x7f\x00\x00\x01", Sight{Kind: Listen, Endpoint: "tcp:127.0.0.1:80"}},
		"udp":      {observeSight{Kind: 4, Family: afInet6, Type: 2, Port: 53, Result: -98}, "\xfe\x80" + string(make([]byte, 13)) + "\x01", Sight{Kind: Bind, Errno: syscall.EADDRINUSE, Endpoint: "udp:[fe80::1]:53", Datagram: true}},
		"mapped":   {observeSight{Kind: 5, Family: afInet6, Type: 1, Port: 6379}, string(make([]byte, 10)) + "\xff\xff\x7f\x00\x00\x01", Sight{Kind: Connect, Endpoint: "tcp:127.0.0.1:6379"}},
		"unix":     {observeSight{Kind: 5, Family: afUnix, Result: -2}, "/run/x\x00", Sight{Kind: Connect, Errno: syscall.ENOENT, Endpoint: "unix:/run/x"}},
		"missed":   {observeSight{Kind: 9, Peer: 8, Type: syscall.S_IFIFO, Dev: 25, Result: -2}, "x\x00b\x00a\x00", Sight{Kind: Use, Peer: 8, Errno: syscall.ENOENT, File: syscall.S_IFIFO, Dev: 25, Path: "/a/b/x"}},
		"mount":    {observeSight{Kind: 9, Dev: 8<<20 | 1}, "", Sight{Kind: Use, File: Mount, Dev: 8<<20 | 1, Path: "/"}},
		"kill":     {observeSight{Kind: 10, Peer: 8, Type: 15}, "", Sight{Kind: Kill, Peer: 8, Signal: syscall.SIGTERM}},
		"module":   {observeSight{Kind: 12}, "ext4\x00\x00", Sight{Kind: Module, Path: "ext4"}},
		"abstract": {observeSight{Kind: 4, Family: afUnix}, "\x00x\x00y", Sight{Kind: Bind, Endpoint: "unix:@x\x00y"}},
	} {
		got, err := decode(raw(t, c.raw, c.object))
		if d := cmp.Diff(c.want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	if _, err := decode(make([]byte, 20)); err == nil {
		t.Error("half a sight was taken for one")
	}
}
