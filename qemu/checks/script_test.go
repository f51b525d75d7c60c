package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse("demo", strings.Join([]string{
		"# a comment",
		"boot degraded",
		"",
		"check redis keeps what it was told",
		"  limit 90s",
		"\tguest redis-cli set \\",
		"     colour blue",
		"  stdout ^OK$",
		"  not-stdout error",
		"  power-cut",
		"  guest false",
		"  exit 1",
		"  stderr .",
		"  within 10s",
		"check the rest\r",
		"  host echo # no comment\r",
		"  reboot",
		"  kill redis-server.service",
		"  console ready$",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "degraded %v\n", got.Degraded)
	for _, c := range got.Checks {
		fmt.Fprintf(&b, "%d: %q limit %v\n", c.Line, c.Name, c.Limit)
		for _, s := range c.Steps {
			fmt.Fprintf(&b, "  %d: %q exit %d stdout %v stderr %v not %v within %v console %v\n",
				s.Line, s, s.Exit, s.Stdout, s.Stderr, s.NotStdout, s.Within, s.Console)
		}
	}
	want := `degraded true
4: "redis keeps what it was told" limit 1m30s
  6: "guest redis-cli set  colour blue" exit 0 stdout [(?m)^OK$] stderr [] not [(?m)error] within 0s console <nil>
  10: "power-cut" exit 0 stdout [] stderr [] not [] within 0s console <nil>
  11: "guest false" exit 1 stdout [] stderr [(?m).] not [] within 10s console <nil>
15: "the rest" limit 1m0s
  16: "host echo # no comment" exit 0 stdout [] stderr [] not [] within 0s console <nil>
  17: "reboot" exit 0 stdout [] stderr [] not [] within 0s console <nil>
  18: "kill redis-server.service" exit 0 stdout [] stderr [] not [] within 0s console <nil>
  19: "console ready$" exit 0 stdout [] stderr [] not [] within 0s console ready$
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	if got.Checks[0].Limit != 90*time.Second {
		t.Error("limit")
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "s:1: the script has no check",
		"guest true":                            "s:1: guest stands in no check; begin with: check NAME",
		"check a":                               `s:1: check "a" has no steps`,
		"check":                                 "s:1: a check needs a name",
		"check a\nrun x":                        `s:2: "run" is not known; steps are guest, host, reboot, power-cut, kill and console` + "\n" + `s:1: check "a" has no steps`,
		"check a\nguest x\ncheck a\nguest x":    `s:3: check "a" is already in line 1`,
		"check a\nguest x\nexit x":              "s:3: exit x: it is a number from 0 to 255",
		"check a\nguest x\nexit 256":            "s:3: exit 256: it is a number from 0 to 255",
		"check a\nguest x\nstdout (":            "s:3: error parsing regexp: missing closing ): `(?m)(`",
		"check a\nguest x\nwithin soon":         `s:3: "soon" is not a duration such as 500ms, 30s or 2m`,
		"check a\nguest x\nlimit -1s":           `s:3: "-1s" is not a duration such as 500ms, 30s or 2m`,
		"check a\nreboot\nexit 1":               "s:3: exit stands after a guest or host step",
		"check a\nreboot now":                   "s:2: reboot takes no argument\ns:1: check \"a\" has no steps",
		"check a\nguest":                        "s:2: guest needs an argument\ns:1: check \"a\" has no steps",
		"check a\nguest x\nboot degraded":       "s:3: boot stands before the first check",
		"boot bad\ncheck a\nguest x":            "s:1: boot bad: it is clean or degraded",
		"check a\nguest x\nkill ../init.scope":  "s:3: kill ../init.scope: it takes a unit's full name, such as redis-server.service",
		"check a\nguest x\nkill redis":          "s:3: kill redis: it takes a unit's full name, such as redis-server.service",
		"check a\nguest x\nconsole [":           "s:3: error parsing regexp: missing closing ]: `[`",
		"check a\nguest x \\\n y\nexit -1\nfoo": "s:4: exit -1: it is a number from 0 to 255\ns:5: \"foo\" is not known; steps are guest, host, reboot, power-cut, kill and console",
	} {
		_, err := Parse("s", text)
		if err == nil {
			t.Errorf("%q is accepted", text)
		} else if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("boot degraded\ncheck a\n guest x\n stdout ^y$\n within 1s\n")
	f.Add("check a\n kill a.service\n reboot\\\n")
	f.Fuzz(func(t *testing.T, text string) {
		script, err := Parse("s", text)
		if (script == nil) == (err == nil) {
			t.Fatal("neither a script nor an error")
		}
		lines := strings.Count(text, "\n") + 1
		if err != nil {
			for _, p := range err.(*ScriptError).Problems {
				if p.Line < 1 || p.Line > lines {
					t.Fatalf("a problem in line %d of %d", p.Line, lines)
				}
			}
		}
	})
}
