package agent

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFrameRoundTrip(t *testing.T) {
	sizes := []int{0, 1, 252, 253, 254, 255, 256, 507, 508, 509, maxBody - 1, maxBody}
	for _, fill := range []byte{0, 1, 0xff} {
		for _, size := range sizes {
			want := frame{kindStdout, 0x0102030400000506, 7, bytes.Repeat([]byte{fill}, size)}
			wire := appendFrame(nil, want)
			if bytes.IndexByte(wire[1:len(wire)-1], 0) >= 0 {
				t.Fatalf("a frame of %d × %#x has a zero inside", size, fill)
			}
			got, err := newFrameReader(iotest.HalfReader(bytes.NewReader(wire))).next()
			if err != nil {
				t.Fatalf("%d × %#x: %v", size, fill, err)
			}
			if got.kind != want.kind || got.session != want.session || got.id != want.id || !bytes.Equal(got.body, want.body) {
				t.Fatalf("%d × %#x: came back as %v %x %d with %d bytes", size, fill, got.kind, got.session, got.id, len(got.body))
			}
		}
	}
}

// Whatever stands between frames, and wherever a frame was cut off, the intact
// frames come out and nothing else.
func TestFrameResync(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		var want []string
		for range rapid.IntRange(1, 8).Draw(t, "pieces") {
			body := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "body")
			whole := appendFrame(nil, frame{kindStdin, 1, 1, body})
			switch rapid.SampledFrom([]string{"whole", "cut", "flipped", "noise", "flood"}).Draw(t, "piece") {
			case "whole":
				wire = append(wire, whole...)
				want = append(want, string(body))
			case "cut":
				// The last byte of a frame only ends it, so cut before that.
				wire = append(wire, whole[:rapid.IntRange(0, len(whole)-2).Draw(t, "at")]...)
			case "flipped":
				// The zeros at both ends are no content.
				whole[rapid.IntRange(1, len(whole)-2).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				wire = append(wire, whole...)
			case "noise":
				wire = append(wire, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "noise")...)
			case "flood":
				wire = append(wire, bytes.Repeat([]byte{9}, 3*frameSize)...)
			}
		}
		r := newFrameReader(bytes.NewReader(append(wire, 0)))
		var got []string
		for {
			f, err := r.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(f.body))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("frames (-sent +received):\n%s", diff)
		}
	})
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte{0, 1, 0, 255})
	f.Add(appendFrame(nil, frame{kindHello, 1 << 40, 0, nil}))
	f.Add(appendFrame([]byte{3, 9}, frame{kindStart, 5, 1, []byte(`{"op":"exec"}`)}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := newFrameReader(bytes.NewReader(bytes.Clone(wire)))
		for {
			got, err := r.next()
			if err != nil {
				return
			}
			if len(got.body) > frameSize {
				t.Fatalf("a body of %d bytes", len(got.body))
			}
			again := appendFrame(nil, got)
			back, ok := decodeFrame(again[1 : len(again)-1])
			if !ok || back.id != got.id || back.kind != got.kind {
				t.Fatalf("an accepted frame does not survive encoding: %+v", got)
			}
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	body := make([]byte, maxBody)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	b.SetBytes(maxBody)
	var wire []byte
	for b.Loop() {
		wire = appendFrame(wire[:0], frame{kindStdout, 1, 1, body})
		if _, ok := decodeFrame(wire[1 : len(wire)-1]); !ok {
			b.Fatal("not intact")
		}
	}
}
