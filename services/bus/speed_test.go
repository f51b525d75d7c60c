package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"clarityos/services/varlink"
)

// The bus's work for a low message, in its parts.
func BenchmarkLow(b *testing.B) {
	var a PublishArgs
	for i := range MaxBatch {
		a.Messages = append(a.Messages, message(b, &ResourceUsage{Unit: fmt.Sprintf("unit%d.service", i), CPU: 1e9, Memory: 1 << 20}))
	}
	raw, err := json.Marshal(a)
	if err == nil {
		raw, err = varlink.Encode(varlink.Call{Method: Interface + ".Publish", Parameters: raw})
	}
	if err != nil {
		b.Fatal(err)
	}
	raw = bytes.TrimSuffix(raw, []byte{0})
	b.Run("decode", func(b *testing.B) {
		var batch []Message
		for range b.N / MaxBatch {
			call, err := parseCall(raw)
			if err == nil && valid(raw) {
				batch, err = parsePublish(call.Parameters, batch[:0])
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("complete", func(b *testing.B) {
		for i := range b.N {
			m := a.Messages[i%MaxBatch]
			if err := complete(&m); err != nil {
				b.Fatal(err)
			}
		}
	})
	broker := NewBroker(nil, nil)
	sub := broker.Subscribe("", Interest{}, true, func() {})
	b.Run("publish and take", func(b *testing.B) {
		out := make([]Message, 0, MaxBatch)
		for i := range b.N {
			if _, err := broker.Publish(a.Messages[i%MaxBatch], uint64(i)); err != nil {
				b.Fatal(err)
			}
			if i%MaxBatch == 0 {
				out, _ = broker.Take(sub, out[:0])
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		var out []byte
		for range b.N / MaxBatch {
			out = appendDelivery(out[:0], &Delivery{Messages: a.Messages})
		}
	})
}
