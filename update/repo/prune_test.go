package repo

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is needed or new stays; of what is neither, the file goes.
func TestPrune(t *testing.T) {
	now := time.Now()
	r := newRepo(t)
	long := now.Add(-48 * time.Hour)
	files := map[string]struct {
		changed time.Time
		stays   bool
	}{
		"data/needed.pack":          {long, true},
		"data/old.pack":             {long, false},
		"data/.new-left":            {long, false},
		"data/new.pack":             {now, true},
		"targets/stable/x/1.json":   {long, true},
		"targets/stable/x/0.json":   {long, false},
		"metadata/9.snapshot.json":  {long, true},
		"not/the/repositorys.table": {long, true},
	}
	for name, f := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, f.changed, f.changed); err != nil {
			t.Fatal(err)
		}
	}
	freed, err := r.Prune(map[string]bool{"data/needed.pack": true, "targets/stable/x/1.json": true}, now.Add(-24*time.Hour))
	if err != nil || freed != 15 {
		t.Errorf("%d bytes, %v", freed, err)
	}
	for name, f := range files {
		if _, err := os.Stat(filepath.Join(r.dir, name)); (err == nil) != f.stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}
