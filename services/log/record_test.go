package log

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Boot: strings.Repeat("a", 32), Seq: rapid.Uint64().Draw(t, "seq"),
			RealtimeUS: rapid.Uint64().Draw(t, "rt"), MonotonicUS: rapid.Uint64().Draw(t, "mt"),
			Unit: rapid.String().Draw(t, "unit"), Identifier: rapid.String().Draw(t, "id"),
			Invocation: rapid.String().Draw(t, "inv"), Source: rapid.String().Draw(t, "src"),
			Object: rapid.Bool().Draw(t, "object"), Mark: rapid.Bool().Draw(t, "mark"),
			PID: rapid.IntRange(0, 1<<22).Draw(t, "pid"), Priority: rapid.IntRange(0, 7).Draw(t, "prio"),
			Message: string(rapid.SliceOf(rapid.Byte()).Draw(t, "msg")), Cut: rapid.Bool().Draw(t, "cut"),
			Position: rapid.Uint64().Draw(t, "pos"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			r.Fields = append(r.Fields, Field{rapid.String().Draw(t, "k"), rapid.String().Draw(t, "v")})
		}
		got, err := parseRecord(r.Boot, appendRecord(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatalf("record (-want +got):\n%s", diff)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := parseRecord("", body); err == nil {
			if len(r.Message)+len(r.Unit) > len(body) {
				t.Fatal("longer than what it came from")
			}
		}
	})
}

// A record is never longer than a frame, whatever it is made of.
func TestClamped(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	r := Record{Message: long, Unit: long, Invocation: long, Identifier: long, Source: long, Priority: 99}
	for range 1000 {
		r.Fields = append(r.Fields, Field{long[:900], long[:900]})
	}
	r = r.clamped()
	if n := len(appendRecord(nil, r)); n > maxRecord || !r.Cut || len(r.Message) != MaxMessage || len(r.Fields) == 0 {
		t.Errorf("%d bytes, cut %v, message %d, %d fields", n, r.Cut, len(r.Message), len(r.Fields))
	}
}
