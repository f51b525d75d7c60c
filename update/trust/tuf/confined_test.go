package tuf_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/trust"
)

// buildChild builds the child as images have it: without cgo, so that Landlock can hold
// all of its threads.
func buildChild(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // the child may be another user
	path := filepath.Join(dir, "child")
	build := exec.Command("go", "build", "-o", path, "./testdata/child")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the child: %v\n%s", err, text)
	}
	return path
}

// source is a forge as a trust.Source.
type source struct{ *forge }

func (s source) Get(_ context.Context, name string, most int64) ([]byte, error) {
	return s.get(name, most)
}

func TestConfinedChild(t *testing.T) {
	child := buildChild(t)
	t.Run("reads metadata", func(t *testing.T) {
		f := newForge(t)
		store := trust.Store{Dir: filepath.Join(t.TempDir(), "trust")}
		for round := range 2 {
			stored, err := store.Load()
			must(t, err)
			res, err := trust.Refresh(t.Context(), []string{child}, trust.Request{Root: f.published["metadata/1.root.json"], Stored: stored, Now: noon}, source{f})
			must(t, err)
			if len(res.Targets) != 1 || res.Targets[0].Name != "stable/demo.manifest" || len(res.Notices) > 0 {
				t.Fatalf("round %d: targets %v, notices %q", round, res.Targets, res.Notices)
			}
			must(t, store.Save(res.Metadata))
		}
	})
	t.Run("can do nothing else", func(t *testing.T) {
		_, err := trust.Refresh(t.Context(), []string{child, "probe"}, trust.Request{}, source{newForge(t)})
		if err == nil || strings.Contains(err.Error(), "it could") || strings.Contains(err.Error(), "it is root") || !strings.Contains(err.Error(), "receive a message: EOF") {
			t.Errorf("the child: %v", err)
		}
	})
}
