package log

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStructure(t *testing.T) {
	fields := func(pairs ...string) (all []Field) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, Field{pairs[i], pairs[i+1]})
		}
		return all
	}
	for line, want := range map[string]Record{
		// As these libraries write.
		`{"time":"2026-11-23T05:15:00Z","level":"WARN","msg":"slog","n":1.50,"req":{"method":"GET"}}`: {Priority: Warning, Message: "slog",
			Fields: fields("TIME", "2026-11-23T05:15:00Z", "N", "1.50", "REQ_METHOD", "GET")},
		`{"level":"dpanic","ts":1700000000.123,"caller":"a.go:1","msg":"zap"}`: {Priority: Critical, Message: "zap", Fields: fields("TS", "1700000000.123", "CALLER", "a.go:1")},
		`{"level":"trace","time":1700000000,"message":"zerolog"}`:              {Priority: Debug, Message: "zerolog", Fields: fields("TIME", "1700000000")},
		`{"level":"warning","msg":"logrus","ok":true,"none":null}`:             {Priority: Warning, Message: "logrus", Fields: fields("OK", "true", "NONE", "null")},
		`{"level":50,"pid":7,"msg":"pino"}`:                                    {Priority: Error, Message: "pino", Fields: fields("PID", "7")},
		`{"PRIORITY":"2","MESSAGE":"journald","message":"m"}`:                  {Priority: Critical, Message: "journald", Fields: fields("FIELD_MESSAGE", "m")},
		// Levels of all kinds.
		`{"level":"INFO+2","msg":""}`:                  {Priority: Notice},
		`{"level":"ERROR+4","msg":""}`:                 {Priority: Error},
		`{"level":"DEBUG-4","msg":""}`:                 {Priority: Debug},
		`{"severity":"EMERGENCY","msg":""}`:            {Priority: Emergency},
		`{"level":"high","severity":"alert","msg":""}`: {Priority: Alert, Fields: fields("LEVEL", "high")},
		`{"priority":"urgent","msg":"x"}`:              {Priority: Info, Message: "x", Fields: fields("FIELD_PRIORITY", "urgent")},
		`{"level":8,"msg":""}`:                         {Priority: Info, Fields: fields("LEVEL", "8")},
		// Names, values.
		`{"_a":"1","9":"2","é-x":"3","":"4","a":"5","A":"6"}`: {Priority: Info, Message: `{"_a":"1","9":"2","é-x":"3","":"4","a":"5","A":"6"}`,
			Fields: fields("A", "1", "FIELD_9", "2", "X", "3", "FIELD", "4", "A", "5", "A", "6")},
		`{"msg":{"a":1},"l":[1, {"b":2}],"d":{"e":{"f":1}}}`: {Priority: Info, Message: `{"msg":{"a":1},"l":[1, {"b":2}],"d":{"e":{"f":1}}}`,
			Fields: fields("MSG_A", "1", "L", `[1, {"b":2}]`, "D_E", `{"f":1}`)},
		`  {"msg":"a\nb\u00fc"}  `: {Priority: Info, Message: "a\nbü"},
		`{}`:                       {Priority: Info, Message: `{}`},
	} {
		got := Structure(Record{Priority: Info, Message: line}).expanded()
		want.Object, want.Line = true, line
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	many := `{"a":1` + strings.Repeat(`,"a":1`, maxFields) + `}`
	for _, line := range []string{"", "text", "{", "}", "{}{}", "[1]", `{"a":1} x`, `{"a"}`, `{"a":1,}`, `{a:1}`, `"a"`, "{\"a\":\"\xff\"}", many,
		`{"a":"` + strings.Repeat("x", MaxMessage) + `"}`, `{"a":` + strings.Repeat("[", 12000) + `}`} {
		if r := Structure(Record{Message: line}); r.Object || r.Message != line {
			t.Errorf("%.40q is taken for an object", line)
		}
	}
}

// A line is kept as it was, and what it says is within its own length.
func FuzzStructure(f *testing.F) {
	f.Fuzz(func(t *testing.T, line string) {
		stored := Structure(Record{Priority: Info, Message: line})
		if stored.Message != line {
			t.Fatalf("%q is stored as %q", line, stored.Message)
		}
		r := stored.expanded()
		if r.Object && r.Line != line || !r.Object && r.Message != line {
			t.Fatalf("%q became %+v", line, r)
		}
		if r.Priority < Emergency || r.Priority > Debug || len(r.Fields) > maxFields || len(r.Message) > len(line) {
			t.Fatalf("%q became %+v", line, r)
		}
		for _, field := range r.Fields {
			if !fieldPattern(field.Name) || len(field.Value) > len(line) {
				t.Fatalf("%q has a field %+v", line, field)
			}
		}
	})
}

// fieldPattern is what sd-journal's journal_field_valid allows of clients.
func fieldPattern(name string) bool {
	rest := strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for _, c := range rest {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", c) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64 && name[0] != '_' && (name[0] < '0' || name[0] > '9') && !own[name]
}

func TestFieldName(t *testing.T) {
	for in, want := range map[string]string{
		"request_id": "REQUEST_ID", "a.b-c": "A_B_C", "__x": "X", "1st": "FIELD_1ST", "": "FIELD", "message": "FIELD_MESSAGE", "é": "FIELD",
		strings.Repeat("a", 100): strings.Repeat("A", 64),
	} {
		if got := FieldName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
