package unit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	reference "github.com/coreos/go-systemd/v22/unit"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	text := "\ufeff# comment\n[Unit]\nDescription = a  b \nAfter=x \\\n; between\n  y\\\n\nz\n[Service]\nExecStart=/a\\\n\n\nnonsense\n=v\n[Bad\nKey=lost\n"
	got, problems := Parse("f", []byte(text))
	want := []Directive{
		{"Unit", "Description", "a  b", "f", 3},
		{"Unit", "After", "x  y", "f", 4},
		{"Service", "ExecStart", "/a", "f", 10},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	wantProblems := []string{
		`f:8: "z" is neither a section nor an assignment KEY=VALUE`,
		`f:13: "nonsense" is neither a section nor an assignment KEY=VALUE`,
		`f:14: assignment without a key`,
		`f:15: section header "[Bad" does not end in ]`,
		`f:16: Key= stands before any [Section]`,
	}
	if d := cmp.Diff(wantProblems, lines); d != "" {
		t.Error(d)
	}
}

// What go-systemd reads of plain files, Parse reads too.
func TestParseAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		word := rapid.StringMatching(`[A-Za-z0-9/_.-]{1,8}`)
		for range rapid.IntRange(1, 3).Draw(t, "sections") {
			b.WriteString("[" + rapid.StringMatching(`[A-Z][a-z]{1,5}`).Draw(t, "section") + "]\n")
			for range rapid.IntRange(0, 4).Draw(t, "lines") {
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
					b.WriteString("# " + word.Draw(t, "comment") + "\n")
				case 1:
					b.WriteString("\n")
				default:
					b.WriteString(rapid.StringMatching(`[A-Z][A-Za-z]{0,6}`).Draw(t, "key") + "=" +
						strings.Join(rapid.SliceOfN(word, 1, 4).Draw(t, "value"), " ") + "\n")
				}
			}
		}
		want, err := reference.DeserializeOptions(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("the reference refuses it: %v\n%s", err, &b)
		}
		got, problems := Parse("f", []byte(b.String()))
		if len(problems) > 0 {
			t.Fatalf("%v in\n%s", problems, &b)
		}
		if len(got) != len(want) {
			t.Fatalf("%d directives, the reference has %d\n%s", len(got), len(want), &b)
		}
		for i, w := range want {
			if g := got[i]; g.Section != w.Section || g.Key != w.Name || g.Value != w.Value {
				t.Fatalf("%+v, the reference has %+v\n%s", g, w, &b)
			}
		}
	})
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		err  string
	}{
		{`a  b	c`, []string{"a", "b", "c"}, ""},
		{`"a b" 'c d' e"f g"h`, []string{"a b", "c d", "ef gh"}, ""},
		{`a\x20b \t \101 \u00e4 \s \q`, []string{"a b", "\t", "A", "ä", " ", `\q`}, ""},
		{`'it\'s' ""`, []string{"it's", ""}, ""},
		{`"open`, nil, "no closing"},
		{`a\`, nil, "backslash at the end"},
		{`\x4`, nil, "too short"},
		{`\xzz`, nil, "no character"},
	} {
		got, err := Words(c.in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.in, err, c.err)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.in, err, d)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1min 30s": 90 * time.Second, "1.5h": 90 * time.Minute, "500ms": 500 * time.Millisecond,
		"2d": 48 * time.Hour, "infinity": Infinity, "1000y": Infinity, "5us": 5 * time.Microsecond, "0": 0,
	} {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "x", "5 parsecs", "-3", "1..2", "s"} {
		if got, err := Duration(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]uint64{"0": 0, "64M": 64 << 20, "1G": 1 << 30, "7": 7, "infinity": 1<<64 - 1} {
		if got, err := Size(in); err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "M", "1X", "99999999999E", "-1"} {
		if got, err := Size(in); err == nil {
			t.Errorf("%q was read as %d", in, got)
		}
	}
}

func TestExpand(t *testing.T) {
	c := Context{Name: `a-b@c-d\x2de.service`, Path: "/etc/systemd/system/a-b@.service", Values: map[byte]string{'H': "host"}}
	for in, want := range map[string]string{
		"%n %N %p %i %I %j %t %S %%": `a-b@c-d\x2de.service a-b@c-d\x2de a-b c-d\x2de c/d-e b /run /var/lib %`,
		"%f %y %Y %H":                "/c/d-e /etc/systemd/system/a-b@.service /etc/systemd/system host",
		"x %b":                       "x \x01b",
	} {
		if got, err := c.Expand(in, true); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"%", "%z", "%b"} {
		if got, err := c.Expand(in, false); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestTemplateNames(t *testing.T) {
	for name, want := range map[string]string{"getty@tty1.service": "getty@.service", "getty@.service": "", "a.service": "", "a@b@c.socket": "a@.socket"} {
		if got := TemplateOf(name); got != want {
			t.Errorf("%s is made from %q, want %q", name, got, want)
		}
	}
	want := []string{"service.d", "a-.service.d", "a-b-.service.d", "a-b-c@.service.d", "a-b-c@i.service.d"}
	if got := dropInFolders("a-b-c@i.service"); !slices.Equal(got, want) {
		t.Errorf("drop-ins in %q, want %q", got, want)
	}
}

func TestLoad(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	set, err := Load(fstest.MapFS{
		"usr/lib/systemd/system/a.service":                     file("[Service]\nExecStart=/vendor\n"),
		"etc/systemd/system/a.service":                         file("[Service]\nExecStart=/local\n"),
		"usr/lib/systemd/system/a.service.d/10-x.conf":         file("[Service]\nNice=1\n"),
		"etc/systemd/system/a.service.d/10-x.conf":             file("[Service]\nNice=2\n"),
		"etc/systemd/system/service.d/05-all.conf":             file("[Service]\nUMask=7\n"),
		"etc/systemd/system/multi-user.target.wants/a.service": file(""),
		"usr/lib/systemd/system/empty.service":                 file(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Files) != 2 || len(set.Wants["multi-user.target"]) != 1 {
		t.Fatalf("%+v", set)
	}
	var got bytes.Buffer
	for _, d := range set.Files[0].Directives {
		got.WriteString(d.Key + "=" + d.Value + " ")
	}
	if got.String() != "ExecStart=/local UMask=7 Nice=2 " || !set.Files[1].Masked {
		t.Errorf("%s, %+v", &got, set.Files[1])
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[Unit]\nA=b \\\n#c\nd\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ds, _ := Parse("f", b)
		for _, d := range ds {
			if d.Key == "" || d.Section == "" || d.Line < 1 || d.Line > bytes.Count(b, []byte("\n"))+1 {
				t.Errorf("%+v", d)
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add(`a "b c" \x41 'd'`)
	f.Fuzz(func(t *testing.T, s string) {
		if words, err := Words(s); err != nil && words != nil {
			t.Errorf("%q and %v", words, err)
		}
	})
}
