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
	"pgregory.net/rapid"
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

func TestFollow(t *testing.T) {
	dir, later := t.TempDir(), t.TempDir()
	limits := Limits{SegmentBytes: 2 << 10, TotalBytes: 1 << 20}
	s := open(t, dir, bootA, limits)
	say(t, s, Record{Message: "1"}, Record{Message: "2"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r, err := range Read(ctx, dir, Query{Follow: true, Lines: 1}) {
			if err != nil {
				r.Message = err.Error()
			}
			lines <- r.Message
		}
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%q does not come", want)
		}
	}
	expect("2")
	for i := 3; i <= 60; i++ { // over several segments
		say(t, s, Record{Message: fmt.Sprint(i)}, Record{Message: fmt.Sprint(i, "b")})
		expect(fmt.Sprint(i))
		expect(fmt.Sprint(i, "b"))
	}
	// The store moves: what is in the new place already is not told again.
	old := open(t, later, bootB, limits)
	say(t, old, Record{Message: "an earlier boot"})
	old.Close()
	if err := Move(s, later, limits); err != nil {
		t.Fatal(err)
	}
	say(t, s, Record{Message: "there"})
	expect("there")
	if s.Dir() != later {
		t.Errorf("the store is in %s", s.Dir())
	}
	cancel()
	for range lines {
		t.Error("more after the end")
	}
	got, _ := all(t, dir, Query{})
	if len(got) != 2+2*58+2 || got[0] != "an earlier boot" || got[len(got)-1] != "there" {
		t.Errorf("%d messages from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.Local)
	say(t, s, Record{RealtimeUS: uint64(at.UnixMicro()), Unit: "nginx.service", Identifier: "nginx", PID: 7, Priority: 6, Message: "two\nlines\x1b"},
		Record{RealtimeUS: uint64(at.UnixMicro()), Unit: "a.service", Message: "x", Cut: true})
	s.Close()
	printed := func(f Format) string {
		var b bytes.Buffer
		if _, err := Print(t.Context(), &b, dir, Query{}, f, Host{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := "Nov 23 12:00:00.005 nginx[7]: two\n    lines?\nNov 23 12:00:00.005 a: x…\n"
	if diff := cmp.Diff(want, printed(Short)); diff != "" {
		t.Errorf("short (-want +got):\n%s", diff)
	}
	if got := printed(Cat); got != "two\nlines\x1b\nx\n" {
		t.Errorf("cat: %q", got)
	}
}
