package demo_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clarityos/images"
)

// TestBroken boots the demo with units that cannot work, by `clarity run`
// without a terminal: the boot is complete but degraded, each trouble has one
// line on the console with the unit, the cause and the consequence, and the
// shutdown ends a service that does not listen.
func TestBroken(t *testing.T) {
	img := build(t, images.Override{Overlays: []string{filepath.Join("testdata", "broken.toml")}}, newKey(t))
	dir := t.TempDir()
	disk, console := filepath.Join(dir, "disk"), filepath.Join(dir, "console")
	out, code := clarity(t, "run", img.Dir, "--data", disk, "--console", console,
		"--forward", "0:22", "--forward", "0:80", "--forward", "0:6379", "--forward", "0:8080")
	text, err := os.ReadFile(console)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r", ""), "\n")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("clarity run exits with %d:\n%s\n--- console ---\n%s", code, out, strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	if code != 3 {
		t.Errorf("clarity run exits with %d, want 3", code)
	}
	for _, want := range []string{
		"boot complete, but degraded,", "state    degraded", "failed   wrong-value.service", "failed   no-program.service",
		"failed   needs-it.service", "cycle    /etc/systemd/system/egg.service: ordering cycle", "powered off",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("clarity run does not say %q", want)
		}
	}
	for _, want := range []string{
		`wrong-value\.service failed: .*/etc/systemd/system/wrong-value\.service:3: TimeoutStartSec=: .*soon.*; it stays down; nothing else is held back$`,
		`no-program\.service failed: execute /usr/bin/no-such-program: no such file or directory; so these do not start: needs-it\.service$`,
		`ordering cycle egg\.service after hen\.service after egg\.service: left out "egg\.service" after "hen\.service", so they may start in any order$`,
		`boot complete after .*, degraded: 3 units are not up: needs-it\.service, no-program\.service, wrong-value\.service; cycles in the order of units: 1$`,
		`poweroff waits for deaf\.service \(stop-sigterm for 5s, at most 2s more\)`,
		`deaf\.service failed: it did not end within 7s after signal 15`,
	} {
		var found []string
		for _, l := range lines {
			if regexp.MustCompile(want).MatchString(l) {
				found = append(found, l)
			}
		}
		if len(found) != 1 {
			t.Errorf("the console has %d lines like %s: %q", len(found), want, found)
		}
	}
	// Daemons that have nothing to do with all that are up.
	for _, u := range img.Units[:6] {
		if strings.Contains(out, "failed   "+u) {
			t.Errorf("%s is not up", u)
		}
	}
	clean(t, disk)
}

// clarity runs the command of a workstation, without a terminal.
func clarity(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	program := filepath.Join(t.TempDir(), "clarity")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "clarityos/cmd/clarity").CombinedOutput(); err != nil {
		t.Fatalf("build clarity: %v\n%s", err, out)
	}
	text, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("clarity %s: %v\n%s", args[0], err, text)
	}
	if ended != nil {
		code = ended.ExitCode()
	}
	return string(text), code
}
