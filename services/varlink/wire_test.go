package varlink

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever comes over the wire is cut into messages without loss, and a message
// that is a call is the same call after it was written and read again.
func FuzzWire(f *testing.F) {
	f.Fuzz(func(t *testing.T, buffer []byte) {
		var again []byte
		rest := buffer
		for {
			message, after, ok := Split(rest)
			if !ok {
				again = append(again, after...)
				break
			}
			if bytes.IndexByte(message, 0) >= 0 {
				t.Fatalf("a message with a NUL: %q", message)
			}
			again = append(append(again, message...), 0)
			rest = after
			sameCall(t, message)
		}
		if !bytes.Equal(again, buffer) {
			t.Fatalf("%q was cut into %q", buffer, again)
		}
	})
}

func sameCall(t *testing.T, message []byte) {
	var call, again Call
	if json.Unmarshal(message, &call) != nil {
		return
	}
	wire, err := Encode(call)
	if err != nil {
		t.Fatalf("%q: %v", message, err)
	}
	message, rest, ok := Split(wire)
	if !ok || len(rest) > 0 {
		t.Fatalf("%q is not one message", wire)
	}
	if err := json.Unmarshal(message, &again); err != nil || again.Method != call.Method || again.More != call.More || again.Oneway != call.Oneway {
		t.Fatalf("%+v became %+v: %v", call, again, err)
	}
}
