package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/images/debian"

	"github.com/google/go-cmp/cmp"
)

// mirror is an archive with one version of each package, whose files hold their
// own name and version. It counts what it is asked.
type mirror struct {
	versions map[string]string
	calls    []string
}

func (m *mirror) pkg(name string) debian.Package {
	sum := sha256.Sum256([]byte(name + "=" + m.versions[name]))
	return debian.Package{Name: name, Version: m.versions[name], Arch: "amd64", SHA256: hex.EncodeToString(sum[:])}
}

func (m *mirror) Update(context.Context) error { m.calls = append(m.calls, "update"); return nil }

func (m *mirror) Resolve(_ context.Context, names, omit []string) ([]debian.Package, error) {
	m.calls = append(m.calls, fmt.Sprintf("resolve %s omit %d", strings.Join(names, " "), len(omit)))
	return m.Single(context.Background(), names)
}

func (m *mirror) Single(_ context.Context, names []string) ([]debian.Package, error) {
	var list []debian.Package
	for _, n := range names {
		list = append(list, m.pkg(n))
	}
	return list, nil
}

func (m *mirror) Fetch(_ context.Context, packages []debian.Package, dir string) (map[string]string, error) {
	files := map[string]string{}
	for _, p := range packages {
		m.calls = append(m.calls, "fetch "+p.ID())
		if m.versions[p.Name] != p.Version {
			return nil, fmt.Errorf("fetch %s: %w", p.ID(), debian.ErrGone)
		}
		files[p.Name] = filepath.Join(dir, p.Name)
		if err := os.WriteFile(files[p.Name], []byte(p.ID()), 0o644); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func TestLockPinsPackages(t *testing.T) {
	ctx := t.Context()
	c := testCache(t)
	m := &mirror{versions: map[string]string{"a": "1", "b": "1"}}
	path := filepath.Join(t.TempDir(), "clarity.lock")
	build := func(update bool, names ...string) (string, error) {
		m.calls = nil
		l, err := ReadLock(path, time.Unix(1700000000, 0))
		if err != nil {
			t.Fatal(err)
		}
		set, err := l.resolve(ctx, c, m, LockedSet{Suite: "trixie", Arch: "amd64", Names: names}, update, nil)
		if err == nil {
			err = c.fetch(ctx, m, set.Packages, nil)
		}
		if err != nil {
			return "", err
		}
		if err := l.Write(path); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range set.Packages {
			ids = append(ids, p.ID())
		}
		return strings.Join(ids, " "), nil
	}
	for _, step := range []struct {
		what   string
		before func()
		update bool
		names  []string
		want   string
		calls  []string
		err    string
	}{
		{what: "without a lock the mirror is asked", names: []string{"a"}, want: "a=1", calls: []string{"resolve a omit 0", "fetch a=1"}},
		{what: "with lock and cache nobody is asked", names: []string{"a"}, want: "a=1"},
		{what: "a newer version changes nothing", before: func() { m.versions["a"] = "2" }, names: []string{"a"}, want: "a=1"},
		{what: "another list is resolved", names: []string{"a", "b"}, want: "a=2 b=1", calls: []string{"resolve a b omit 0", "fetch a=2", "fetch b=1"}},
		{what: "a damaged cache is filled again", before: func() { os.WriteFile(c.deb(m.pkg("b")), []byte("x"), 0o644) },
			names: []string{"a", "b"}, want: "a=2 b=1", calls: []string{"fetch b=1"}},
		{what: "a version that is gone is named", before: func() { m.versions["a"] = "3"; os.RemoveAll(c.path("debs")); os.Mkdir(c.path("debs"), 0o755) },
			names: []string{"a", "b"}, calls: []string{"fetch a=2"},
			err: "fetch a=2: the mirror no longer has it; the lock is older than the mirror: refresh it with `clarity build --update`"},
		{what: "update refreshes", update: true, names: []string{"a", "b"}, want: "a=3 b=1",
			calls: []string{"update", "resolve a b omit 0", "fetch a=3", "fetch b=1"}},
	} {
		if step.before != nil {
			step.before()
		}
		got, err := build(step.update, step.names...)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if diff := cmp.Diff(step.err, message); diff != "" {
			t.Fatalf("%s: error (-want +got):\n%s", step.what, diff)
		}
		if got != step.want {
			t.Errorf("%s: got %s, want %s", step.what, got, step.want)
		}
		if diff := cmp.Diff(step.calls, m.calls); diff != "" {
			t.Errorf("%s: asked (-want +got):\n%s", step.what, diff)
		}
	}
}

func TestFetchRefusesOtherBytes(t *testing.T) {
	m := &mirror{versions: map[string]string{"a": "1"}}
	p := m.pkg("a")
	p.SHA256 = strings.Repeat("0", 64)
	err := testCache(t).fetch(t.Context(), m, []debian.Package{p}, nil)
	if err == nil || !strings.Contains(err.Error(), "the lock says 0000") {
		t.Errorf("a package with another hash: %v", err)
	}
}

func TestReadLock(t *testing.T) {
	dir := t.TempDir()
	l, err := ReadLock(filepath.Join(dir, "none"), time.Unix(42, 0))
	if err != nil || l.Epoch != 42 {
		t.Errorf("a new lock: epoch %d, %v; want 42", l.Epoch, err)
	}
	_, err = ReadLock(write(t, dir, "clarity.lock", "epoch = \"never\"\n"), time.Now())
	if err == nil || !strings.Contains(err.Error(), "restore it from version control") {
		t.Errorf("a damaged lock: %v", err)
	}
}

func TestCacheFolderIsWholeOrNotThere(t *testing.T) {
	c := testCache(t)
	wrong := errors.New("interrupted")
	_, err := c.folder(t.Context(), "busybox/x", func(dir string) error {
		write(t, dir, "half", "")
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Fatalf("error %v, want %v", err, wrong)
	}
	made := 0
	for range 2 {
		dir, err := c.folder(t.Context(), "busybox/x", func(dir string) error {
			made++
			write(t, dir, "whole", "")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
			t.Error("the interrupted one is still there")
		}
	}
	if made != 1 {
		t.Errorf("made %d times, want once", made)
	}
}

func testCache(t *testing.T) Cache {
	t.Helper()
	t.Setenv(CacheVariable, t.TempDir())
	c, err := OpenCache()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
