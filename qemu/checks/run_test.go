package checks

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/images"
	"clarityos/qemu/agent"
)

// fake is a machine whose guest is a function; it notes what was done to it.
type fake struct {
	shell func(script string) (agent.Result, error)
	did   []string
}

func (f *fake) Shell(_ context.Context, script string) (agent.Result, error) {
	f.did = append(f.did, "shell "+script)
	return f.shell(script)
}
func (f *fake) Forwards() []images.Forward                        { return []images.Forward{{Host: 4711, Guest: 80}} }
func (f *fake) Reboot(context.Context) error                      { f.did = append(f.did, "reboot"); return nil }
func (f *fake) PowerCycle(context.Context) error                  { return errors.New("it stays dark") }
func (f *fake) Console(_ context.Context, _ *regexp.Regexp) error { return nil }

func one(t *testing.T, text string) Check {
	t.Helper()
	s, err := Parse("s", "check a\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return s.Checks[0]
}

func TestRun(t *testing.T) {
	says := func(code int, out, err string) func(string) (agent.Result, error) {
		return func(string) (agent.Result, error) {
			return agent.Result{Code: code, Stdout: []byte(out), Stderr: []byte(err)}, nil
		}
	}
	for _, tc := range []struct {
		name, check string
		shell       func(string) (agent.Result, error)
		failed      string
	}{
		{"passes", "guest x\nstdout ^b$", says(0, "a\nb\n", ""), ""},
		{"expected failure", "guest x\nexit 3\nstderr bad", says(3, "", "bad"), ""},
		{"wrong code", "guest x", says(1, "out", "why\n"), "guest x\nexit code 1, want exit code 0\nstdout: out\nstderr: why"},
		{"no match", "guest x\nstdout ^b$\nnot-stdout a", says(0, "a", ""), "guest x\nstdout does not match ^b$\nstdout matches a\nstdout: a"},
		{"first failure ends it", "guest x\npower-cut\nguest y", says(0, "", ""), "power-cut\nit stays dark"},
		{"no machine", "guest x", func(string) (agent.Result, error) { return agent.Result{}, agent.ErrClosed }, "guest x\n" + agent.ErrClosed.Error()},
		{"host sees ports", "host echo $PORT_80; exit 2\nexit 2\nstdout ^4711$", nil, ""},
		{"host signal", "host kill -9 $$", nil, "host kill -9 $$\nended by signal: signal: killed, want exit code 0"},
		{"host hangs", "limit 200ms\nhost sleep 1000", nil, "host sleep 1000\nit has not ended: context deadline exceeded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &fake{shell: tc.shell}
			got := Run(t.Context(), m, one(t, tc.check))
			if diff := cmp.Diff(tc.failed, got.Failed); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}

// A step with `within` is repeated until it holds, and no longer.
func TestRunWithin(t *testing.T) {
	tries := 0
	m := &fake{shell: func(string) (agent.Result, error) {
		tries++
		if tries < 3 {
			return agent.Result{Code: 1}, nil
		}
		return agent.Result{}, nil
	}}
	if got := Run(t.Context(), m, one(t, "guest x\nwithin 1m")); got.Failed != "" || tries != 3 {
		t.Errorf("%d tries: %s", tries, got.Failed)
	}
	tries = -1000
	start := time.Now()
	if got := Run(t.Context(), m, one(t, "guest x\nwithin 500ms")); got.Failed == "" || time.Since(start) < 300*time.Millisecond || tries < -999 {
		t.Errorf("after %v, %d tries: %q", time.Since(start), tries+1000, got.Failed)
	}
}

var golden = []Outcome{
	{Name: "one # not a directive", Took: 1500 * time.Millisecond},
	{Name: "two <&>", Took: time.Millisecond, Line: 7, Failed: "guest x\nstdout: a: \x1b[1m\xff"},
}

func TestTAP(t *testing.T) {
	var b bytes.Buffer
	tap, err := NewTAP(&b, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range golden {
		if err := tap.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := tap.BailOut("the machine went off\nconsole…"); err != nil {
		t.Fatal(err)
	}
	want := `TAP version 14
1..3
ok 1 - one \# not a directive
  ---
  duration_ms: 1500
  ...
not ok 2 - two <&>
  ---
  duration_ms: 1
  line: 7
  message: |
    guest x
    stdout: a: ?[1m?
  ...
Bail out! the machine went off
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("TAP (-want +got):\n%s", diff)
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, "demo", golden, "login:\x00\n"); err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="demo" tests="2" failures="1" time="1.501">
    <testcase name="one # not a directive" classname="demo" time="1.500"></testcase>
    <testcase name="two &lt;&amp;&gt;" classname="demo" time="0.001">
      <failure message="guest x">guest x&#xA;stdout: a: ?[1m?</failure>
    </testcase>
    <system-out>login:?&#xA;</system-out>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JUnit (-want +got):\n%s", diff)
	}
}

// Whatever a guest writes, the report is well-formed XML and keeps its lines.
func FuzzReports(f *testing.F) {
	f.Add("name", "text\n\x00\xff\ufffe\U000e0001")
	f.Fuzz(func(t *testing.T, name, failed string) {
		var x, p bytes.Buffer
		outcome := []Outcome{{Name: name, Failed: failed}}
		if err := WriteJUnit(&x, name, outcome, failed); err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(&x); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		tap, err := NewTAP(&p, 1)
		if err != nil || tap.Add(outcome[0]) != nil {
			t.Fatal("TAP")
		}
		for i, line := range strings.Split(strings.TrimSuffix(p.String(), "\n"), "\n") {
			if i > 2 && !strings.HasPrefix(line, "  ") {
				t.Fatalf("line %d stands outside the diagnostics: %q", i, line)
			}
		}
	})
}
