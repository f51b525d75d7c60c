package log

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a segment of five records and where each of them ends.
func sample(t *testing.T) (whole []byte, ends []int64) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	for i := 1; i <= 5; i++ {
		say(t, s, Record{Message: fmt.Sprint(i), Unit: "a.service", Source: "s", Position: uint64(i),
			Fields: []Field{{"A", strings.Repeat("v", i)}}})
		ends = append(ends, s.state.size)
	}
	s.Close()
	whole, err := os.ReadFile(segmentPath(dir, 1, liveSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return whole, ends
}

// One byte that is not what it was, wherever it stands, the head included,
// costs at most the record that it is in. The next writer goes on behind what
// is left, and says nothing twice.
func TestEveryByteDamaged(t *testing.T) {
	whole, ends := sample(t)
	for at := range whole {
		for _, flip := range []byte{0x01, 0xff} {
			broken := append([]byte{}, whole...)
			broken[at] ^= flip
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 1, liveSuffix), broken, 0o600); err != nil {
				t.Fatal(err)
			}
			var want []string
			begin := ends[0] - (ends[1] - ends[0]) + 1 // each record is a byte longer than the one before
			for i, end := range ends {
				if int64(at) < begin || int64(at) >= end {
					want = append(want, fmt.Sprint(i+1))
				}
				begin = end
			}
			got, damage := all(t, dir, Query{})
			lastOnly := len(want) == 4 && want[3] == "4" // a torn tail, or one that is being written
			if diff := cmp.Diff(want, got); diff != "" || len(damage) == 0 && !lastOnly {
				t.Fatalf("byte %d of %d: damage %v, messages (-want +got):\n%s", at, len(whole), damage, diff)
			}
			s := open(t, dir, bootA, Limits{})
			last := uint64(len(ends))
			if lastOnly {
				last--
			}
			if p, _ := s.Position("s"); p != last || s.LastSeq() != last {
				t.Fatalf("byte %d: the writer goes on at %d, after record %d, want %d", at, p, s.LastSeq(), last)
			}
			say(t, s, Record{Message: "next"})
			s.Close()
			if got, _ := all(t, dir, Query{}); !cmp.Equal(append(want, "next"), got) {
				t.Fatalf("byte %d, after another record: %v", at, got)
			}
		}
	}
}

func TestVerify(t *testing.T) {
	whole, ends := sample(t)
	for name, tc := range map[string]struct {
		change  func([]byte) []byte
		records int
		damage  []int64
		torn    int64
	}{
		"intact":      {func(b []byte) []byte { return b }, 5, nil, 0},
		"in a record": {func(b []byte) []byte { b[ends[1]+12] ^= 1; return b }, 4, []int64{ends[1]}, 0},
		"torn":        {func(b []byte) []byte { return b[:len(b)-3] }, 4, nil, ends[4] - ends[3] - 3},
		"the magic":   {func(b []byte) []byte { b[0] ^= 1; return b }, 5, []int64{0}, 0},
		"both heads":  {func(b []byte) []byte { return b[:40] }, 0, []int64{0}, 0},
		"empty":       {func(b []byte) []byte { return nil }, 0, []int64{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 1, liveSuffix), tc.change(append([]byte{}, whole...)), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Verify(dir)
			if err != nil || len(got) != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
			var damage []int64
			for _, d := range got[0].Damage {
				damage = append(damage, d.At)
			}
			if diff := cmp.Diff(tc.damage, damage); diff != "" || got[0].Records != tc.records || got[0].Torn != tc.torn {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

// Whatever a segment holds, reading and writing it comes to an end, and what
// another record adds is read.
func FuzzSegment(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1, liveSuffix), content, 0o600); err != nil {
			t.Fatal(err)
		}
		before, _ := all(t, dir, Query{})
		if _, err := Verify(dir); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, bootA, Limits{})
		say(t, s, Record{Message: "next"})
		s.Close()
		after, _ := all(t, dir, Query{})
		if len(after) < len(before)+1 || after[len(after)-1] != "next" {
			t.Fatalf("%q before, %q after", before, after)
		}
	})
}
