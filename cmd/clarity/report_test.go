package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/learn/report"
	"clarityos/learn/status"
)

// runReport runs `clarity report` and gives what it prints.
func runReport(t *testing.T, in io.Reader, args ...string) (out, messages string, err error) {
	t.Helper()
	var o, m bytes.Buffer
	c := newReport()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs(args)
	c.SetIn(in)
	c.SetOut(&o)
	c.SetErr(&m)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	err = c.ExecuteContext(ctx)
	return o.String(), m.String(), err
}

// A report that was kept becomes a page, from a file or standard input, as a file or on
// standard output.
func TestReportOfJSON(t *testing.T) {
	value, err := json.Marshal(report.Report{Version: report.Version, Machine: report.Machine{Host: "far-away"}})
	if err != nil {
		t.Fatal(err)
	}
	file, page := filepath.Join(t.TempDir(), "r.json"), filepath.Join(t.TempDir(), "r.html")
	if err := os.WriteFile(file, value, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, err := runReport(t, nil, "--json", file, "-o", page); err != nil || out != page+"\n" {
		t.Errorf("%q, %v", out, err)
	}
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), "<title>Boot of far-away</title>") {
		t.Errorf("%v: %.300s", err, text)
	}
	if out, _, err := runReport(t, bytes.NewReader(value), "--json", "-", "-o", "-"); err != nil || out != string(text) {
		t.Errorf("%v: %.300s", err, out)
	}
}

// What cannot be done is refused before a machine is started, with what to do.
func TestReportRefuses(t *testing.T) {
	image := t.TempDir()
	facts, err := json.Marshal(images.Image{Name: "x", Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{images.FactsFile: facts, images.KernelFile: nil, images.InitramfsFile: nil} {
		if err := os.WriteFile(filepath.Join(image, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"":                               "name an IMAGE to boot, or give --json FILE",
		"IMAGE --json -":                 "not both",
		"--json - --boots 2":             "are for an IMAGE",
		"IMAGE --boots 0":                "it is 1 or more",
		"IMAGE --boots 2":                "--data-size 64M",
		"--json /nonexistent":            "read the report: open /nonexistent",
		"--json -":                       "it is no report",
		"/nonexistent":                   "make one with `clarity build`",
		"--json - -o /nonexistent/x.htm": "it is no report",
	} {
		_, _, err := runReport(t, strings.NewReader("{}"), strings.Fields(strings.ReplaceAll(args, "IMAGE", image))...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	stuck := noAnswer(errNoAnswer, []string{"[    1.000]        x"})
	if !errors.Is(stuck, errNoAnswer) || !strings.Contains(stuck.Error(), "clarity run --explain-boot") {
		t.Error(stuck)
	}
	if mute := noAnswer(errNoAnswer, []string{"[    9.000]        boot complete after 8 s"}); !strings.Contains(mute.Error(), "no agent") {
		t.Error(mute)
	}
}

// A machine is booted for the page, which names what its boot has shown.
func TestReportOfImage(t *testing.T) {
	img, _, err := images.Build(t.Context(), "../../images/undeclared/clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	page, value := filepath.Join(folder, "r.html"), filepath.Join(folder, "r.json")
	out, messages, err := runReport(t, nil, img.Dir, "-o", page, "--keep-json", value, "--boots", "2")
	if err != nil || out != page+"\n" || !strings.Contains(messages, "boot 1 of 2 complete\n") || !strings.Contains(messages, "boot 2 of 2 complete\n") {
		t.Fatalf("%v: %s%s", err, out, messages)
	}
	text, err := os.ReadFile(value)
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Boot.Settled || r.Boot.Complete == 0 || len(r.Path) == 0 || r.Graph == nil || len(r.Profiles) == 0 {
		t.Fatalf("%+v, path %+v, notes %q", r.Boot, r.Path, r.Notes)
	}
	if !slices.ContainsFunc(r.Graph.Edges, func(e status.Edge) bool { return e.Unit == "app.service" && e.On == "store.service" }) {
		t.Errorf("no edge of app and store in %+v", r.Graph.Edges)
	}
	if b := r.Changes.Boots; len(b) != 2 || b[0].Ordered || !b[1].Ordered {
		t.Errorf("the boots were %+v", b)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "<bdi>app.service</bdi>") {
		t.Errorf("%v: the page lacks app.service", err)
	}
}
