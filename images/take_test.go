package images

import (
	"io/fs"
	"strings"
	"testing"

	"clarityos/images/elftest"
)

func TestTake(t *testing.T) {
	from := NewTree()
	for p, e := range map[string]Entry{
		"usr/bin/tool":                         {Mode: 0o755, Data: elftest.Dynamic("liba.so.1")},
		"usr/lib/x86_64-linux-gnu/liba.so.1":   {Mode: fs.ModeSymlink | 0o777, Link: "liba.so.1.2"},
		"usr/lib/x86_64-linux-gnu/liba.so.1.2": {Mode: 0o644, Data: elftest.Dynamic("libb.so.2")},
		"usr/lib/libb.so.2":                    {Mode: 0o644, Data: elftest.Dynamic("liba.so.1")}, // a circle
		"usr/bin/other":                        {Mode: 0o755, Data: []byte("not asked for")},
		"usr/lib/rc/sh/functions":              {Mode: 0o644, Data: []byte("text")},
		"usr/lib/rc/link":                      {Mode: fs.ModeSymlink | 0o777, Link: "nowhere"},
		"usr/bin/broken":                       {Mode: 0o755, Data: elftest.Dynamic("libc.so.6")},
	} {
		e.Part, e.Rank = "package p", RankPackage
		put(t, from, p, e)
	}
	to := NewTree()
	skeleton := to.Paths()
	for _, p := range []string{"/bin/tool", "/lib/rc"} {
		if err := to.Take(from, "amd64", p); err != nil {
			t.Fatal(err)
		}
	}
	want := `usr/bin/tool usr/lib/libb.so.2 usr/lib/rc usr/lib/rc/link usr/lib/rc/sh usr/lib/rc/sh/functions ` +
		`usr/lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu/liba.so.1 usr/lib/x86_64-linux-gnu/liba.so.1.2`
	var got []string
	for _, p := range to.Paths() {
		if !strings.Contains(" "+strings.Join(skeleton, " ")+" ", " "+p+" ") {
			got = append(got, p)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("took\n%s, want\n%s", strings.Join(got, " "), want)
	}
	for p, said := range map[string]string{"/bin/broken": "libc.so.6", "/bin/missing": "/usr/bin/missing"} {
		if err := to.Take(from, "amd64", p); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: got %v, want an error that names %s", p, err, said)
		}
	}
}
