package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	bootA = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	bootB = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
)

type tb interface {
	Helper()
	Fatal(...any)
}

func open(t tb, dir, boot string, l Limits) *Store {
	t.Helper()
	s, err := Open(dir, boot, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func say(t tb, s *Store, records ...Record) {
	t.Helper()
	if err := s.Append(records...); err != nil {
		t.Fatal(err)
	}
}

// all returns the messages that a query finds, and the damage.
func all(t tb, dir string, q Query) (messages []string, damage []error) {
	t.Helper()
	for r, err := range Read(context.Background(), dir, q) {
		var broken *DamageError
		switch {
		case errors.As(err, &broken):
			damage = append(damage, err)
		case err != nil:
			t.Fatal(err)
		default:
			messages = append(messages, r.Message)
		}
	}
	return messages, damage
}

func numbers(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestQuery(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{SegmentBytes: 4 << 10, TotalBytes: 1 << 20})
	base := time.Date(2025, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := 1; i <= 500; i++ {
		say(t, s, Record{
			RealtimeUS: uint64(base.Add(time.Duration(i) * time.Second).UnixMicro()),
			Unit:       fmt.Sprintf("u%d.service", i%10), Priority: i % 8, Message: fmt.Sprint(i),
		})
	}
	s.Close()
	s = open(t, dir, bootB, Limits{})
	say(t, s, Record{Message: "other boot", Unit: "u1.service", Priority: 6})
	s.Close()

	at := func(i int) time.Time { return base.Add(time.Duration(i) * time.Second) }
	two := 2
	b, _ := newBootID(bootB)
	for name, tc := range map[string]struct {
		q    Query
		want []string
	}{
		"all":         {Query{}, append(numbers(1, 500), "other boot")},
		"boot":        {Query{Boot: b}, []string{"other boot"}},
		"since until": {Query{Since: at(100), Until: at(110)}, numbers(100, 110)},
		"unit":        {Query{Unit: "u3.service", Until: at(40)}, []string{"3", "13", "23", "33"}},
		"no unit":     {Query{Unit: "none.service"}, nil},
		"priority":    {Query{MaxPriority: &two, Until: at(10)}, []string{"1", "2", "8", "9", "10"}},
		"grep":        {Query{Grep: regexp.MustCompile("^9.$")}, numbers(90, 99)},
		"lines":       {Query{Lines: 3}, []string{"499", "500", "other boot"}},
		"more lines":  {Query{Lines: 300, Until: at(500)}, numbers(201, 500)},
		"too many":    {Query{Lines: 10000}, append(numbers(1, 500), "other boot")},
		"unit, lines": {Query{Unit: "u1.service", Lines: 2}, []string{"491", "other boot"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, damage := all(t, dir, tc.q)
			if diff := cmp.Diff(tc.want, got); diff != "" || damage != nil {
				t.Errorf("damage %v, messages (-want +got):\n%s", damage, diff)
			}
			// Indexes only save time.
			idx, _ := filepath.Glob(filepath.Join(dir, "*.idx"))
			if len(idx) < 5 {
				t.Fatalf("%d indexes", len(idx))
			}
			plain := t.TempDir()
			logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
			for _, path := range logs {
				if err := os.Link(path, filepath.Join(plain, filepath.Base(path))); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := all(t, plain, tc.q); !cmp.Equal(tc.want, got) {
				t.Errorf("without indexes: %v", cmp.Diff(tc.want, got))
			}
		})
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{SegmentBytes: 8 << 10, TotalBytes: 32 << 10})
	say(t, s, Record{Message: "first", Source: "quiet", Position: 77})
	for i := range 2000 {
		say(t, s, Record{Message: fmt.Sprintf("%050d", i), Source: "loud", Position: uint64(i)})
	}
	var total int64
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range logs {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 41<<10 {
		t.Errorf("%d bytes in %d segments", total, len(logs))
	}
	s.Close()
	s = open(t, dir, bootA, Limits{})
	// The source's only record is long gone, but not how far it was read.
	if p, ok := s.Position("quiet"); !ok || p != 77 {
		t.Errorf("position of the quiet source: %d, %v", p, ok)
	}
	if p, _ := s.Position("loud"); p != 1999 || s.LastSeq() != 2001 {
		t.Errorf("loud at %d, last record %d", p, s.LastSeq())
	}
	got, _ := all(t, dir, Query{Lines: 1})
	if want := fmt.Sprintf("%050d", 1999); len(got) != 1 || got[0] != want {
		t.Errorf("last line %v", got)
	}
}

// Wherever the last write was cut off, the records before it are there, the
// store goes on behind them, and positions and numbers fit them.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	for i := 1; i <= 3; i++ {
		say(t, s, Record{Message: fmt.Sprint(i), Source: "s", Position: uint64(i)})
	}
	s.Close()
	path := segmentPath(dir, 1, liveSuffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	_, f, _, err := openHead(in)
	if err != nil {
		t.Fatal(err)
	}
	begin := f.at
	var ends []int64
	for range 3 {
		if _, err := f.next(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, f.at)
	}
	for cut := begin; cut <= int64(len(whole)); cut++ {
		d := t.TempDir()
		if err := os.WriteFile(segmentPath(d, 1, liveSuffix), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		intact := 0
		for _, end := range ends {
			if end <= cut {
				intact++
			}
		}
		s := open(t, d, bootA, Limits{})
		if p, _ := s.Position("s"); int(p) != intact || int(s.LastSeq()) != intact {
			t.Fatalf("cut at %d: position %d, number %d, want %d", cut, p, s.LastSeq(), intact)
		}
		say(t, s, Record{Message: "next"})
		s.Close()
		got, damage := all(t, d, Query{})
		if diff := cmp.Diff(append(numbers(1, intact), "next"), got); diff != "" || damage != nil {
			t.Fatalf("cut at %d: damage %v, messages (-want +got):\n%s", cut, damage, diff)
		}
	}
}

// A flipped bit costs the record it is in and no other one; it is reported.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	for i := 1; i <= 5; i++ {
		say(t, s, Record{Message: strings.Repeat(fmt.Sprint(i), 200), Source: "s", Position: uint64(i)})
	}
	s.Close()
	path := segmentPath(dir, 1, liveSuffix)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole[bytes.Index(whole, []byte("3333"))+50] ^= 4
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, bootA, Limits{})
	if s.SetAside != 1 {
		t.Errorf("%d segments set aside", s.SetAside)
	}
	say(t, s, Record{Message: "6"})
	s.Close()
	var got []string
	messages, damage := all(t, dir, Query{})
	for _, m := range messages {
		got = append(got, m[:1])
	}
	if diff := cmp.Diff([]string{"1", "2", "4", "5", "6"}, got); diff != "" || len(damage) != 1 {
		t.Errorf("damage %v, messages (-want +got):\n%s", damage, diff)
	}
	again := open(t, dir, bootA, Limits{})
	defer again.Close()
	if again.SetAside != 0 || again.number != 2 {
		t.Errorf("opened again: %d set aside, segment %d", again.SetAside, again.number)
	}
}

// On a full disk old segments go first, and nothing is half there.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{SegmentBytes: 4 << 10, TotalBytes: 1 << 20})
	room := func() int64 {
		left := int64(20 << 10)
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, path := range logs {
			if info, err := os.Stat(path); err == nil {
				left -= info.Size()
			}
		}
		return left
	}
	s.write = func(f *os.File, b []byte) (int, error) {
		if left := room(); int64(len(b)) > left {
			n, _ := f.Write(b[:max(0, left)])
			return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return f.Write(b)
	}
	for i := range 1000 {
		say(t, s, Record{Message: fmt.Sprintf("%0100d", i)})
	}
	if s.Dropped == 0 {
		t.Error("nothing was dropped")
	}
	got, damage := all(t, dir, Query{})
	if damage != nil || len(got) < 50 || got[len(got)-1] != fmt.Sprintf("%0100d", 999) {
		t.Errorf("%d messages, damage %v", len(got), damage)
	}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("message %d is %s after %s", i, got[i], got[i-1])
		}
	}

	before := s.state.size
	s.write = func(f *os.File, b []byte) (int, error) {
		n, _ := f.Write(b[:5])
		return n, syscall.ENOSPC
	}
	if err := s.Append(Record{Message: "too much"}); !errors.Is(err, ErrFull) {
		t.Errorf("with no room at all: %v", err)
	}
	if info, err := s.file.Stat(); err != nil || info.Size() != before {
		t.Errorf("the failed write left %d bytes, %v", info.Size()-before, err)
	}
	s.write = (*os.File).Write
	say(t, s, Record{Message: "room again"})
	if got, damage := all(t, dir, Query{Lines: 1}); damage != nil || len(got) != 1 || got[0] != "room again" {
		t.Errorf("afterwards: %v, %v", got, damage)
	}
}
