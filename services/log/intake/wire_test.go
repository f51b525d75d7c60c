package intake

import (
	"encoding/json"
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// Whatever comes over the link, it is understood or refused, what a unit asks
// for is within bounds, and the packet behind it is read.
func FuzzPacket(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || len(text) > MaxPacket {
			return // an empty packet is the end
		}
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(p[0])
		defer unix.Close(p[1])
		for _, packet := range [][]byte{text, []byte(`{"move":"/next"}`)} {
			if err := unix.Send(p[0], packet, 0); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, MaxPacket)
		got, err := peekPacket(p[1], buf)
		if (err == nil) != (json.Unmarshal(text, &Message{}) == nil) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && got.Stream != nil {
			s := stream{Stream: *got.Stream}
			if level := s.prefixes().level; level < log.Emergency || level > log.Debug {
				t.Fatalf("level %d", level)
			}
			for _, field := range got.Stream.policy(policy{}).fields {
				if !fieldName(field.Name) {
					t.Fatalf("field %q", field.Name)
				}
			}
		}
		take(p[1])
		if next, err := peekPacket(p[1], buf); err != nil || next.Move != "/next" {
			t.Fatalf("behind %q comes %+v, %v", text, next, err)
		}
	})
}
