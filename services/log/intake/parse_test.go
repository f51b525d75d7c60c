package intake

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/log"
)

func facility(n string) []log.Field { return []log.Field{{Name: "SYSLOG_FACILITY", Value: n}} }

func TestParseSyslog(t *testing.T) {
	for in, want := range map[string]log.Record{
		"<29>Nov  3 12:00:00 chronyd[9]: up":     {Priority: 5, Identifier: "chronyd", PID: 9, Message: "up", Fields: facility("3")},
		"<86>Nov 23 05:15:00 sshd: a: b\n":       {Priority: 6, Identifier: "sshd", Message: "a: b", Fields: facility("10")},
		"<13>tag: text\x00":                      {Priority: 5, Identifier: "tag", Message: "text", Fields: facility("1")},
		"no priority":                            {Priority: 5, Message: "no priority"},
		"<999>x":                                 {Priority: 7, Message: "x", Fields: facility("124")},
		"<9999>x":                                {Priority: 5, Message: "<9999>x"},
		"<x>y":                                   {Priority: 5, Message: "<x>y"},
		"<13>http://host/ is a text":             {Priority: 5, Message: "http://host/ is a text", Fields: facility("1")},
		"<13>a[b]: c":                            {Priority: 5, Message: "a[b]: c", Fields: facility("1")},
		"<13>" + strings.Repeat("a", 65) + ": x": {Priority: 5, Message: strings.Repeat("a", 65) + ": x", Fields: facility("1")},
		"<13>Foo  3 12:00:00 t: x":               {Priority: 5, Message: "Foo  3 12:00:00 t: x", Fields: facility("1")},
		"":                                       {Priority: 5},
	} {
		if diff := cmp.Diff(want, parseSyslog([]byte(in))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseJournal(t *testing.T) {
	long := "MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00a\nb=c\nPRIORITY=2\n"
	for in, want := range map[string]log.Record{
		"MESSAGE=hi\nPRIORITY=3\nSYSLOG_IDENTIFIER=x": {Priority: 3, Identifier: "x", Message: "hi"},
		long: {Priority: 2, Message: "a\nb=c"},
		"MESSAGE=a=b\nPRIORITY=9\nlower=no\n_UID=0\n1A=no\nOK_1=yes\n": {Priority: 6, Message: "a=b", Fields: []log.Field{{Name: "OK_1", Value: "yes"}}},
	} {
		got, err := parseJournal([]byte(in))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", in, err, diff)
		}
	}
	for _, in := range []string{"", "\n", "lower=x", "MESSAGE", "MESSAGE\n\x05\x00\x00", "MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffabc\n", "MESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00abcd\n"} {
		if got, err := parseJournal([]byte(in)); err == nil {
			t.Errorf("%q is accepted: %+v", in, got)
		}
	}
}

func TestParseKmsg(t *testing.T) {
	got, err := parseKmsg([]byte("6,339,5140900,-;NET: Registered \\x41 family\n SUBSYSTEM=acpi\n"))
	want := log.Record{Identifier: "kernel", Priority: 6, MonotonicUS: 5140900, Message: "NET: Registered A family", Source: "kmsg", Position: 339,
		Fields: []log.Field{{Name: "_KERNEL_SUBSYSTEM", Value: "acpi"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := parseKmsg([]byte("12,1,2,-;from a program")); err != nil || got.Identifier != "" || got.Priority != 4 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, in := range []string{"", ";", "6,339;x", "a,b,c;x", "6,339,5140900"} {
		if _, err := parseKmsg([]byte(in)); err == nil {
			t.Errorf("%q is accepted", in)
		}
	}
}

func TestUnitIn(t *testing.T) {
	for in, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                   "nginx.service",
		"0::/system.slice/nginx.service/worker\n":            "nginx.service",
		"1:name=x:/a.service\n0::/clarity.slice/log.service": "log.service",
		"0::/init.scope\n":                                   "init.scope",
		"0::/system.slice\n":                                 "",
		"0::/\n":                                             "",
		"0::/other/nginx.service":                            "",
		"":                                                   "",
	} {
		if got := unitIn(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Nothing is lost or made up by splitting, however a stream is cut into
// buffers, and no line is too long.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("one\n<3>two\r\n\n<9>x\nrest"), true)
	f.Add(bytes.Repeat([]byte("a"), log.MaxMessage+1), false)
	f.Fuzz(func(t *testing.T, b []byte, last bool) {
		at := int64(0)
		for {
			lines := split(b[at:], last, prefixes{level: log.Info})
			if len(lines) == 0 {
				break
			}
			begin := int64(0)
			for _, l := range lines {
				if l.end <= begin || len(l.text) > log.MaxMessage || l.priority < 0 || l.priority > 7 {
					t.Fatalf("%+v", l)
				}
				if raw := b[at+begin : at+l.end]; !bytes.Contains(raw, l.text) || !l.cut && l.end < int64(len(b[at:])) && raw[len(raw)-1] != '\n' {
					t.Fatalf("%q of %q", l.text, raw)
				}
				begin = l.end
			}
			at += begin
		}
		if rest := b[at:]; last && len(rest) > 0 || len(rest) > log.MaxMessage || bytes.IndexByte(rest, '\n') >= 0 {
			t.Fatalf("%d bytes are left", len(rest))
		}
	})
}

func FuzzParsers(f *testing.F) {
	for _, seed := range []string{
		"<29>Nov  3 12:00:00 chronyd[9]: up\n",
		"MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00a\nb=c\nPRIORITY=2\n",
		"6,339,5140900,-;NET \\x41\\x\n SUBSYSTEM=acpi\n",
		"0::/system.slice/nginx.service\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(r log.Record) {
			size := len(r.Message) + len(r.Identifier)
			for _, field := range r.Fields {
				switch {
				case strings.HasPrefix(field.Name, "_KERNEL_"):
					size += len(field.Value)
				case field.Name != "SYSLOG_FACILITY":
					size += len(field.Name) + len(field.Value)
				}
			}
			if size > len(b) || r.Priority < 0 || r.Priority > 7 || r.PID < 0 {
				t.Fatalf("%q became %+v", b, r)
			}
		}
		check(parseSyslog(b))
		if r, err := parseJournal(b); err == nil {
			check(r)
		}
		if r, err := parseKmsg(b); err == nil {
			check(r)
		}
		unitIn(string(b))
	})
}
