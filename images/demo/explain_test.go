package demo_test

import (
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images"
)

// tiny builds a definition of testdata that has no packages.
func tiny(t *testing.T, name string) *images.Image {
	t.Helper()
	dir := t.TempDir()
	img, _, err := images.Build(t.Context(), filepath.Join("testdata", name), images.Options{Out: dir, Lock: filepath.Join(dir, "lock"), Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestExplainBoot has `clarity run` say what keeps boots from being complete, by
// what there is on the console: a unit that never becomes ready, on an image that
// boots quietly, and one that fails.
func TestExplainBoot(t *testing.T) {
	for _, tc := range []struct {
		definition string
		args       []string
		code       int
		says       []string
	}{
		{"stuck.toml", []string{"--timeout", "60s"}, 4, []string{
			"the boot is not complete after 1m0s\n",
			"  never.service (start for ",
			`without a limit): "/bin/sleep 1000" runs and is not ready by the rules of Type=notify; 2 jobs wait for it`,
		}},
		{"lost.toml", nil, 1, []string{
			"the boot cannot go on: default.target was not reached: it requires needed.service, which failed\n",
			"  needed.service failed: /bin/sh exited with status 7; so these do not start: default.target\n",
		}},
	} {
		img := tiny(t, tc.definition)
		out, code := clarity(t, append([]string{"run", img.Dir, "--explain-boot"}, tc.args...)...)
		if code != tc.code {
			t.Errorf("%s: it exits with %d, want %d:\n%s", tc.definition, code, tc.code, out)
		}
		for _, want := range tc.says {
			if !strings.Contains(out, want) {
				t.Errorf("%s: it does not say %q:\n%s", tc.definition, want, out)
			}
		}
	}
}
