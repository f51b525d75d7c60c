package log

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var entries = []Record{
	{Unit: "a.service", Invocation: "1234", Identifier: "a", PID: 12, Priority: 6, Message: "plain", Source: "stream:1", RealtimeUS: 1, MonotonicUS: 5},
	{Unit: "a.service", Priority: 4, Message: `{"msg":"hello","user":{"id":7}}`, Object: true, Source: "stream:1", RealtimeUS: 2},
	{Identifier: "b", Priority: 3, Message: "two\nlines", Source: "socket:journal", RealtimeUS: 3, Fields: []Field{{"X", "1"}, {"X", "2"}}},
	{Identifier: "kernel", Priority: 2, Message: "bin\xff\x01", Source: "kmsg", RealtimeUS: 4},
	{Unit: "b.service", PID: 1, Identifier: "init", Priority: 5, Message: "stopped ü", Source: "init", RealtimeUS: 5},
	{Unit: "a.service", Priority: 6, Message: "half", Cut: true, Source: "socket:syslog", RealtimeUS: 6},
}

func printed(t tb, dir string, q Query, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := Print(context.Background(), &b, dir, q, f, Host{Name: "box", MachineID: "m"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The shape of `journalctl -o json`, whose own output of the same records was
// compared with this one by way of systemd-journal-remote.
func TestJSON(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{})
	say(t, s, entries...)
	s.Close()
	const boot = "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa"
	want := []map[string]any{
		{"_SYSTEMD_UNIT": "a.service", "_SYSTEMD_INVOCATION_ID": "1234", "SYSLOG_IDENTIFIER": "a", "_PID": "12", "PRIORITY": "6", "MESSAGE": "plain", "_TRANSPORT": "stdout"},
		{"_SYSTEMD_UNIT": "a.service", "PRIORITY": "4", "MESSAGE": "hello", "USER_ID": "7", "_TRANSPORT": "stdout"},
		{"SYSLOG_IDENTIFIER": "b", "PRIORITY": "3", "MESSAGE": "two\nlines", "X": []any{"1", "2"}, "_TRANSPORT": "journal"},
		{"SYSLOG_IDENTIFIER": "kernel", "PRIORITY": "2", "MESSAGE": []any{98., 105., 110., 255., 1.}, "_TRANSPORT": "kernel"},
		{"_SYSTEMD_UNIT": "init.scope", "UNIT": "b.service", "SYSLOG_IDENTIFIER": "init", "_PID": "1", "PRIORITY": "5", "MESSAGE": "stopped ü", "_TRANSPORT": "journal"},
		{"_SYSTEMD_UNIT": "a.service", "PRIORITY": "6", "MESSAGE": "half", "_LINE_BREAK": "line-max", "_TRANSPORT": "syslog"},
	}
	for i, line := range strings.Split(strings.TrimSpace(printed(t, dir, Query{}, JSON)), "\n") {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		w := want[i]
		mono := entries[i].MonotonicUS
		w["__CURSOR"] = fmt.Sprintf("s=%s;i=%d;b=%s;m=%d;t=%d;x=0", boot, i+1, boot, mono, i+1)
		w["__REALTIME_TIMESTAMP"], w["__MONOTONIC_TIMESTAMP"] = fmt.Sprint(i+1), fmt.Sprint(mono)
		w["_BOOT_ID"], w["_HOSTNAME"], w["_MACHINE_ID"] = boot, "box", "m"
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", i, diff)
		}
	}
	if got := printed(t, dir, Query{}, Raw); !strings.Contains(got, entries[1].Message+"\n") {
		t.Errorf("the line as it was written is not in %q", got)
	}
}

// parseExport reads the export format as systemd.io describes it.
func parseExport(text []byte) (all [][]Field, err error) {
	var fields []Field
	for len(text) > 0 {
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return nil, fmt.Errorf("no newline at the end")
		}
		text = rest
		if len(line) == 0 {
			all, fields = append(all, fields), nil
			continue
		}
		name, value, plain := strings.Cut(string(line), "=")
		if !plain {
			n := binary.LittleEndian.Uint64(text)
			value, text = string(text[8:8+n]), text[8+n:]
			if text[0] != '\n' {
				return nil, fmt.Errorf("no newline behind %s", name)
			}
			text = text[1:]
		}
		fields = append(fields, Field{name, value})
	}
	return all, nil
}

func TestExport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{Boot: strings.Repeat("a", 32), Seq: 1, RealtimeUS: 5, Message: string(rapid.SliceOf(rapid.Byte()).Draw(t, "message"))}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			r.Fields = append(r.Fields, Field{rapid.StringMatching(`[A-Z][A-Z0-9_]{0,9}`).Draw(t, "name"), rapid.String().Draw(t, "value")})
		}
		var want []Field
		addressed(r, Host{}, func(name, value string) { want = append(want, Field{name, value}) })
		got, err := parseExport(Export.append(nil, r, Host{}))
		if diff := cmp.Diff([][]Field{want}, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestFieldsReverseAfter(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{SegmentBytes: 200, TotalBytes: 1 << 20})
	for _, r := range entries {
		say(t, s, r)
	}
	s.Close()
	s = open(t, dir, bootB, Limits{})
	say(t, s, Record{Message: "other boot"}, Record{Mark: true, Source: "x", Position: 4}, Record{Message: "last"})
	if p, _ := s.Position("x"); p != 4 || s.LastSeq() != 2 {
		t.Errorf("a mark: position %d, record %d", p, s.LastSeq())
	}
	s.Close()
	boots, err := Boots(t.Context(), dir)
	if err != nil || len(boots) != 2 || boots[0].Records != len(entries) || !boots[0].First.Equal(time.UnixMicro(1)) || !boots[0].Last.Equal(time.UnixMicro(6)) {
		t.Fatalf("%+v, %v", boots, err)
	}
	a, b := boots[0].Boot, boots[1].Boot
	for which, want := range map[string]string{"0": b, "-1": a, "1": a, "2": b, a: a, bootB: b, "-2": "", "3": "", "x": "", strings.Repeat("c", 32): ""} {
		if got, err := FindBoot(boots, which); got != want || (err == nil) != (want != "") {
			t.Errorf("boot %s: %s, %v", which, got, err)
		}
	}
	place := func(boot string, seq uint64) Place {
		p, err := ParseCursor(Record{Boot: boot, Seq: seq}.Cursor())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	f := func(pairs ...string) (fields []Field) {
		for _, p := range pairs {
			name, value, _ := strings.Cut(p, "=")
			fields = append(fields, Field{name, value})
		}
		return fields
	}
	for name, tc := range map[string]struct {
		q    Query
		want []string
	}{
		"one field":           {Query{Fields: f("USER_ID=7")}, []string{"hello"}},
		"either value":        {Query{Fields: f("PRIORITY=2", "PRIORITY=3")}, []string{"two\nlines", "bin\xff\x01"}},
		"both names":          {Query{Fields: f("_SYSTEMD_UNIT=a.service", "PRIORITY=6")}, []string{"plain", "half"}},
		"a value of two":      {Query{Fields: f("X=2")}, []string{"two\nlines"}},
		"kernel":              {Query{Fields: f("_TRANSPORT=kernel")}, []string{"bin\xff\x01"}},
		"about a unit":        {Query{Fields: f("UNIT=b.service")}, []string{"stopped ü"}},
		"no such":             {Query{Fields: f("PRIORITY=6", "NONE=1")}, nil},
		"after":               {Query{After: place(a, 4)}, []string{"stopped ü", "half", "other boot", "last"}},
		"after a boot":        {Query{After: place(a, 6)}, []string{"other boot", "last"}},
		"after, last lines":   {Query{After: place(a, 4), Lines: 3}, []string{"half", "other boot", "last"}},
		"after, too few":      {Query{After: place(a, 5), Lines: 30}, []string{"half", "other boot", "last"}},
		"after the end":       {Query{After: place(b, 2)}, nil},
		"after one that went": {Query{After: place(strings.Repeat("c", 32), 9), Fields: f("PRIORITY=0")}, []string{"other boot", "last"}},
		"reverse":             {Query{Reverse: true, Boot: a, Fields: f("PRIORITY=6", "PRIORITY=5")}, []string{"half", "stopped ü", "plain"}},
		"reverse, lines":      {Query{Reverse: true, Lines: 3}, []string{"last", "other boot", "half"}},
		"reverse, after":      {Query{Reverse: true, After: place(a, 5)}, []string{"last", "other boot", "half"}},
	} {
		if got, damage := all(t, dir, tc.q); damage != nil || !cmp.Equal(tc.want, got) {
			t.Errorf("%s: %v (-want +got):\n%s", name, damage, cmp.Diff(tc.want, got))
		}
	}
	for _, text := range []string{"", "b=1;i=1", "s=x;i=0;b=" + a, "i=1"} {
		if p, err := ParseCursor(text); err == nil {
			t.Errorf("%q is a cursor: %+v", text, p)
		}
	}
}
