package learn

import (
	"os"
	"path/filepath"
	"testing"

	"clarityos/learn/observe"
)

func TestResolved(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "run/db"), 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"var": "run", "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for e, want := range map[string]string{
		"unix:" + dir + "/var/db/s":     "unix:" + dir + "/run/db/s",
		"unix:" + dir + "/var/web/s":    "unix:" + dir + "/run/web/s", // no folder yet
		"unix:" + dir + "/var/a/b/s":    "unix:" + dir + "/run/a/b/s",
		"unix:" + dir + "/dangling/s":   "unix:" + dir + "/dangling/s",
		"unix:" + dir + "/run/../var/s": "unix:" + dir + "/run/s",
		"unix:/s":                       "unix:/s",
		"unix:@var/db":                  "unix:@var/db",
		"tcp:127.0.0.1:80":              "tcp:127.0.0.1:80",
	} {
		if got := resolved(observe.Endpoint(e)); string(got) != want {
			t.Errorf("%s is %s, not %s", e, got, want)
		}
	}
}
